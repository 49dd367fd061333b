<?php
// Who serves this page, to whom, with which settings and environment. `?sleep=MS` takes that long.
header('Content-Type: text/plain');
$sleep = min(10_000, (int) ($_GET['sleep'] ?? 0));
if ($sleep >= 1000) {
    error_log("a request that takes $sleep ms begins");
}
usleep(1000 * $sleep);
$user = posix_getpwuid(posix_geteuid());
printf("Hello from PHP %s as %s, pid %d\n", PHP_VERSION, $user['name'], getmypid());
printf("client %s, https %s\n", $_SERVER['REMOTE_ADDR'], $_SERVER['HTTPS'] ?? 'off');
foreach (['memory_limit', 'upload_max_filesize', 'opcache.enable', 'opcache.validate_timestamps'] as $name) {
    printf("%s %s\n", $name, ini_get($name));
}
printf("opcache %s\n\n", opcache_get_status(false) ? 'works' : 'is off');
$environment = getenv();
ksort($environment);
foreach ($environment as $name => $value) {
    echo "$name=$value\n";
}
