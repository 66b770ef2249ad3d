package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatehouse-sso/gatehouse/views"
)

// maxLogo is how large the host product's logo may be, in bytes.
const maxLogo = 64 << 10

// logo is the host product's logo; zero when there is none.
type logo struct {
	name    string // as an asset: brand.svg, brand.png
	content []byte
}

// brand reads the host product's name, logo, and the addresses of its support and its billing.
func (m *mistakes) brand(s *settings) (views.Brand, logo) {
	if len(s.BrandName) > 80 {
		m.add("GATEHOUSE_BRAND_NAME is longer than 80 bytes.")
	}
	for _, setting := range [][2]string{{"GATEHOUSE_SUPPORT_URL", s.SupportURL}, {"GATEHOUSE_BILLING_URL", s.BillingURL}} {
		name, address := setting[0], setting[1]
		u, err := url.Parse(address)
		if address != "" && (err != nil || u.Scheme != "mailto" && (u.Scheme != "https" || u.Host == "")) {
			m.add("%s is %q. It must begin with https:// or mailto:.", name, address)
		}
	}
	return views.Brand{Name: s.BrandName, SupportURL: s.SupportURL, BillingURL: s.BillingURL}, m.logo(s.BrandLogo)
}

func (m *mistakes) logo(path string) logo {
	if path == "" {
		return logo{}
	}
	extension := strings.ToLower(filepath.Ext(path))
	content, err := os.ReadFile(path)
	switch {
	case err != nil:
		m.add("GATEHOUSE_BRAND_LOGO: %s", fileProblem(err))
	case extension != ".svg" && extension != ".png":
		m.add("GATEHOUSE_BRAND_LOGO is %q. It must be an .svg or .png file.", path)
	case len(content) > maxLogo:
		m.add("GATEHOUSE_BRAND_LOGO has %d bytes. At most %d are taken.", len(content), maxLogo)
	}
	return logo{name: "brand" + extension, content: content}
}
