<?php // Every service provider that the run has registered, read again on each request.
foreach (glob(dirname(__DIR__) . '/sp/*.xml') as $file) {
    foreach (SimpleSAML\Metadata\SAMLParser::parseDescriptorsString(file_get_contents($file)) as $id => $descriptor) {
        $settings = json_decode(file_get_contents(substr($file, 0, -4) . '.json'), true);
        $metadata[$id] = $settings + $descriptor->getMetadata20SP();
    }
}
