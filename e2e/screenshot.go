package e2e

import (
	"fmt"
	"os"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

const (
	wide   = 1280 // CSS pixels: a laptop
	narrow = 390  // a telephone
)

// Screenshot leaves pictures of the whole page in artefacts/: wide and narrow,
// light and dark. They are numbered in the order they were taken. A page that
// a telephone would have to scroll sideways fails the test.
func (p *Person) Screenshot(name string) {
	p.t.Helper()
	p.wait("picture "+name, func() error { return nil })
	p.pictures++
	for _, width := range []int64{narrow, wide} {
		p.resize(width)
		p.fits(name, width)
		for _, scheme := range []string{"dark", "light"} {
			p.prefer(scheme)
			p.wait("see the page stand still", p.atStill)
			p.snapshot(fmt.Sprintf("%02d %s %d %s", p.pictures, name, width, scheme))
		}
	}
}

// fits sees that nothing stands out of the page to the right.
func (p *Person) fits(name string, width int64) {
	p.t.Helper()
	needs, err := run(p, chromedp.Evaluate[int64]("document.documentElement.scrollWidth"))
	if err != nil || needs > width {
		p.t.Errorf("%s: the page “%s” needs %d pixels and has %d (%v)", p.Name, name, needs, width, err)
	}
}

// atStill says whether nothing on the page is changing its looks.
func (p *Person) atStill() error {
	moving, err := run(p, chromedp.Evaluate[int](`document.getAnimations().filter(a => a.playState === "running").length`))
	if err == nil && moving > 0 {
		err = fmt.Errorf("%d animations are running", moving)
	}
	return err
}

// snapshot leaves one picture of the page as it is and returns its path.
func (p *Person) snapshot(name string) string {
	p.t.Helper()
	picture, err := run(p, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Logf("picture of %s: %v", name, err)
		return "(no picture)"
	}
	path := artefact(p.t, p.Name+" "+name+".png")
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func (p *Person) resize(width int64) {
	p.t.Helper()
	params := emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1, Mobile: width == narrow}
	if _, err := call(p, emulation.SetDeviceMetricsOverride, params); err != nil {
		p.t.Fatalf("resize the window: %v", err)
	}
}

func (p *Person) prefer(scheme string) {
	p.t.Helper()
	params := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	if _, err := call(p, emulation.SetEmulatedMedia, params); err != nil {
		p.t.Fatalf("prefer %s: %v", scheme, err)
	}
}
