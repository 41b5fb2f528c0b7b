// Answers one line of JSON {op, given} with one line: the text that Go makes of it, or null.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

func document(given string, op string) (string, error) {
	var value interface{}
	if err := json.Unmarshal([]byte(given), &value); err != nil {
		return "", err
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(op != "plain")
	if op == "indented" {
		encoder.SetIndent("", "\t")
	}
	err := encoder.Encode(value)
	return strings.TrimSuffix(buffer.String(), "\n"), err
}

func moment(given string, op string) (string, error) {
	read, err := time.Parse(time.RFC3339Nano, given)
	if err != nil {
		return "", err
	}
	if op == "ns" {
		return fmt.Sprint(read.UnixNano()), nil
	}
	zone, err := time.LoadLocation(map[string]string{"rfc3339": "UTC", "madrid": "Europe/Madrid"}[op])
	if err != nil {
		return "", err
	}
	return read.In(zone).Format(time.RFC3339Nano), nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		var asked struct{ Op, Given string }
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			panic(err)
		}
		var made string
		var err error
		if asked.Op == "html" || asked.Op == "plain" || asked.Op == "indented" {
			made, err = document(asked.Given, asked.Op)
		} else {
			made, err = moment(asked.Given, asked.Op)
		}
		if err != nil {
			fmt.Println("null")
			continue
		}
		shown, _ := json.Marshal(made)
		fmt.Println(string(shown))
	}
}
