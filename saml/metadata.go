package saml

import (
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/beevik/etree"
)

const (
	metadataNamespace  = "urn:oasis:names:tc:SAML:2.0:metadata"
	protocolNamespace  = "urn:oasis:names:tc:SAML:2.0:protocol"
	assertionNamespace = "urn:oasis:names:tc:SAML:2.0:assertion"
	signatureNamespace = "http://www.w3.org/2000/09/xmldsig#"
	bindingRedirect    = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	bindingPost        = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
)

// encryptionMethods tells identity providers how to encrypt for us, best first; some take the first they know.
var encryptionMethods = []string{
	"http://www.w3.org/2009/xmlenc11#aes256-gcm",
	"http://www.w3.org/2009/xmlenc11#aes128-gcm",
	"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
}

// Metadata is what an identity provider reads to know us (saml-metadata-2.0-os): our entity ID, the ACS for HTTP-POST, the
// certificates of every key, in the order of sp.Keys and each for signing and for encryption, and what we sign and want
// signed. It has no end of validity: the certificates have.
func Metadata(sp ServiceProvider) ([]byte, error) {
	if sp.EntityID == "" || sp.ACS == "" || len(sp.Keys) == 0 {
		return nil, errors.New("write metadata: entity ID, ACS and a key are needed")
	}
	doc := etree.NewDocument()
	doc.CreateProcInst("xml", `version="1.0" encoding="UTF-8"`)
	root := doc.CreateElement("md:EntityDescriptor")
	root.CreateAttr("xmlns:md", metadataNamespace)
	root.CreateAttr("entityID", sp.EntityID)
	role := root.CreateElement("md:SPSSODescriptor")
	role.CreateAttr("AuthnRequestsSigned", "true")
	role.CreateAttr("WantAssertionsSigned", "true")
	role.CreateAttr("protocolSupportEnumeration", protocolNamespace)
	for _, use := range []string{"signing", "encryption"} {
		for _, key := range sp.Keys {
			describeKey(role.CreateElement("md:KeyDescriptor"), use, key)
		}
	}
	for _, binding := range []string{bindingRedirect, bindingPost} {
		if sp.SLO != "" {
			logout := role.CreateElement("md:SingleLogoutService")
			logout.CreateAttr("Binding", binding)
			logout.CreateAttr("Location", sp.SLO)
		}
	}
	if sp.NameIDFormat != "" {
		role.CreateElement("md:NameIDFormat").SetText(sp.NameIDFormat)
	}
	acs := role.CreateElement("md:AssertionConsumerService")
	acs.CreateAttr("Binding", bindingPost)
	acs.CreateAttr("Location", sp.ACS)
	acs.CreateAttr("index", "0")
	acs.CreateAttr("isDefault", "true")
	doc.Indent(2)
	raw, err := doc.WriteToBytes()
	if err != nil {
		return nil, fmt.Errorf("write metadata: %w", err)
	}
	return raw, nil
}

func describeKey(descriptor *etree.Element, use string, key KeyPair) {
	descriptor.CreateAttr("use", use)
	info := descriptor.CreateElement("ds:KeyInfo")
	info.CreateAttr("xmlns:ds", signatureNamespace)
	info.CreateElement("ds:X509Data").CreateElement("ds:X509Certificate").
		SetText(base64.StdEncoding.EncodeToString(key.Certificate.Raw))
	if use != "encryption" {
		return
	}
	for _, method := range encryptionMethods {
		descriptor.CreateElement("md:EncryptionMethod").CreateAttr("Algorithm", method)
	}
}
