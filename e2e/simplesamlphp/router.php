<?php // PHP's built-in server does not know PATH_INFO behind a script's name; SimpleSAMLphp's addresses need it.
$root = $_SERVER['DOCUMENT_ROOT'];
$path = urldecode(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
if (strpos($path, '..') !== false || !preg_match('#^(.*?\.php)(/.*)?$#', $path, $found) || !is_file($root . $found[1])) {
    return false;
}
$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = $found[1];
$_SERVER['SCRIPT_FILENAME'] = $root . $found[1];
$_SERVER['PATH_INFO'] = $found[2] ?? '';
chdir(dirname($root . $found[1]));
require $root . $found[1];
return true;
