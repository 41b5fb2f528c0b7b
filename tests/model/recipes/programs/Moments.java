// Answers one line of JSON {op, given} with one line: the text that Java's Instant makes of a moment.
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.time.OffsetDateTime;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class Moments {
    public static void main(String[] arguments) throws IOException {
        Pattern given = Pattern.compile("\"given\": \"([^\"]*)\"");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Matcher found = given.matcher(line);
            found.find();
            System.out.println("\"" + OffsetDateTime.parse(found.group(1)).toInstant() + "\"");
        }
    }
}
