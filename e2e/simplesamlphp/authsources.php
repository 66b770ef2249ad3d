<?php
$run = json_decode(file_get_contents(__DIR__ . '/run.json'), true);
$config = ['people' => ['exampleauth:UserPass'] + $run['people']];
