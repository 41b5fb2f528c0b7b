<?php
// Answers one line of JSON {op, given} with one line: the text that PHP makes of it, or null.
const FLAGS = ['plain' => JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES, 'pretty' => JSON_PRETTY_PRINT];

function made(string $op, string $given): ?string
{
    $formats = ['iso' => 'Y-m-d\TH:i:s.vP', 'madrid' => 'c', 'madrid without colon' => DATE_ISO8601];
    if (isset($formats[$op])) {
        $zone = new DateTimeZone($op === 'iso' ? 'UTC' : 'Europe/Madrid');
        return (new DateTimeImmutable($given))->setTimezone($zone)->format($formats[$op]);
    }
    ini_set('serialize_precision', $op === 'precision 17' ? '17' : '-1');
    $value = json_decode($given, false, 512, JSON_THROW_ON_ERROR);
    return json_encode($value, (FLAGS[$op] ?? 0) | JSON_THROW_ON_ERROR);
}

while (($line = fgets(STDIN)) !== false) {
    $asked = json_decode($line, true);
    try {
        $made = made($asked['op'], $asked['given']);
    } catch (Throwable $error) {
        $made = null;
    }
    ini_set('serialize_precision', '-1');
    echo json_encode($made), "\n";
}
