<?php
$post = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST';
$redirect = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect';
$metadata['__DYNAMIC:1__'] = [
    'host' => '__DEFAULT__',
    'privatekey' => 'idp.key',
    'certificate' => 'idp.crt',
    'auth' => 'people',
    'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    'simplesaml.nameidattribute' => 'uid',
    'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:basic',
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'SingleSignOnServiceBinding' => [$redirect, $post],
    'SingleLogoutServiceBinding' => [$redirect, $post],
];
if (is_file(__DIR__ . '/../cert/other.crt')) { // published beside the key that signs
    $metadata['__DYNAMIC:1__'] += ['new_privatekey' => 'other.key', 'new_certificate' => 'other.crt'];
}
