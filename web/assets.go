package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// AssetsPattern is the route under which Assets are served.
const AssetsPattern = "GET /static/{file...}"

// Assets are embedded files, each under a URL that changes with its content, so that browsers may keep it for ever.
type Assets struct {
	urls  map[string]string // name → URL
	files map[string][]byte // name in the URL → content
}

// NewAssets reads all files of a tree once.
func NewAssets(tree fs.FS) (*Assets, error) {
	assets := &Assets{urls: map[string]string{}, files: map[string][]byte{}}
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		assets.Add(name, content)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read assets: %w", err)
	}
	return assets, nil
}

// Add takes in one more file, before anything is served.
func (a *Assets) Add(name string, content []byte) {
	hash := sha256.Sum256(content)
	extension := path.Ext(name)
	hashed := strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(hash[:8]) + extension
	a.urls[name] = "/static/" + hashed
	a.files[hashed] = content
}

// URL is the path of a file ("console.css"); of a file that does not exist, a path that answers 404.
func (a *Assets) URL(name string) string {
	if url, ok := a.urls[name]; ok {
		return url
	}
	return "/static/" + name
}

func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	content, ok := a.files[name]
	if !ok {
		Fail(w, r, http.StatusNotFound)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, path.Base(name), time.Time{}, bytes.NewReader(content))
}
