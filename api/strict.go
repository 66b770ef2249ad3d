package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// maxDepth is how deep objects and lists may stand in each other; ours need three.
const maxDepth = 16

var errNotStrict = errors.New("not one JSON value in UTF-8 whose members stand once each")

// null is what a null becomes on its way to the checks, where it is of no type that anything here may have: null is never a value.
type null struct{}

// strictJSON reads JSON as it is meant. encoding/json alone takes members twice, in any case, and null for anything.
var strictJSON = huma.Format{
	Marshal: huma.DefaultJSONFormat.Marshal,
	Unmarshal: func(text []byte, into any) error {
		value, free := into.(*any)
		if !free {
			return json.Unmarshal(text, into)
		}
		if !utf8.Valid(text) || !json.Valid(text) {
			return errNotStrict
		}
		d := json.NewDecoder(bytes.NewReader(text))
		var err error
		if *value, err = strictValue(d, 0); err != nil {
			return err
		}
		if _, err := d.Token(); err != io.EOF {
			return errNotStrict
		}
		return nil
	},
}

func strictValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil || depth > maxDepth {
		return nil, errNotStrict
	}
	switch token := token.(type) {
	case nil:
		return null{}, nil
	case string:
		return token, clean(token)
	case json.Delim:
		if token == '{' {
			return strictObject(d, depth)
		}
		return strictList(d, depth)
	}
	return token, nil // a number or a boolean
}

func strictObject(d *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for d.More() {
		token, err := d.Token()
		name, _ := token.(string)
		_, twice := object[name]
		if err != nil || twice || clean(name) != nil {
			return nil, errNotStrict
		}
		if object[name], err = strictValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token() // the brace
	return object, err
}

func strictList(d *json.Decoder, depth int) (any, error) {
	list := []any{}
	for d.More() {
		value, err := strictValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	_, err := d.Token() // the bracket
	return list, err
}

// clean refuses what no database takes as text.
func clean(text string) error {
	if strings.ContainsRune(text, 0) {
		return errNotStrict
	}
	return nil
}
