package access

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// RouteRule says which permission a request needs. Path is a pattern: segments are literal, {name} for any one segment, or, as the last,
// {name...} for one or more. A rule for GET is one for HEAD too, unless another rule speaks of HEAD.
type RouteRule struct {
	Methods    []string
	Path       string
	Permission string
}

// Routes are the catalogue's rules in the order of the file, for display.
func (c *Catalogue) Routes() []RouteRule { return slices.Clone(c.routes) }

// longestPath is the length in bytes of the longest path that a rule is looked up for.
const longestPath = 8 << 10

// PermissionFor is the permission that a request needs by the most specific rule for it. The path is what the request line says, escaped
// as it came and without the query. It is false for what no rule speaks of and for every path that is not plain, that is, which a server
// behind us might read in another way than we: nobody may do what has no permission.
func (c *Catalogue) PermissionFor(method, path string) (permission string, ok bool) {
	if !plain(path) {
		return "", false
	}
	permission = c.tree.find(method, path[1:])
	if permission == "" && method == http.MethodHead {
		permission = c.tree.find(http.MethodGet, path[1:])
	}
	return permission, permission != ""
}

// plain says that every server reads the path alike: no empty segment, none of dots, no parameters, nothing escaped that could stand as it
// is or that means something to somebody (a slash, a dot, a percent sign), in UTF-8. Escapes remain for what must be escaped in a name.
func plain(path string) bool {
	if path == "/" {
		return true
	}
	if len(path) > longestPath || path == "" || path[0] != '/' || !utf8.ValidString(path) {
		return false
	}
	for rest, more := path[1:], true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if segment == "" || segment == "." || segment == ".." || !plainSegment(segment) {
			return false
		}
	}
	return true
}

func plainSegment(segment string) bool {
	for segment != "" {
		length := 1
		if b := segment[0]; b == '%' {
			length = escaped(segment)
		} else if b < utf8.RuneSelf && !literal(b) {
			return false
		}
		if length == 0 {
			return false
		}
		segment = segment[length:]
	}
	return true
}

// escaped is the length in bytes of the escaped character that text begins with, 0 if it is none or none that may be escaped.
func escaped(text string) int {
	var raw [utf8.UTFMax]byte
	for i := range raw {
		if len(text) < 3*(i+1) || text[3*i] != '%' {
			return 0
		}
		high, low := hex(text[3*i+1]), hex(text[3*i+2])
		if high < 0 || low < 0 {
			return 0
		}
		raw[i] = byte(high<<4 | low)
		if utf8.FullRune(raw[:i+1]) {
			r, _ := utf8.DecodeRune(raw[:i+1])
			if r == utf8.RuneError || r < utf8.RuneSelf && !harmless(byte(r)) {
				return 0
			}
			return 3 * (i + 1)
		}
	}
	return 0
}

// hex is the value of a hexadecimal digit, -1 if it is none.
func hex(b byte) int { return strings.IndexByte("0123456789abcdef", lower(b)) }

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		b += 'a' - 'A'
	}
	return b
}

// literal says whether a path may have the character as it is: RFC 3986, section 3.3, but for the semicolon, which to some servers begins
// a parameter that they leave out.
func literal(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("-._~!$&'()*+,=:@", b) >= 0
}

// harmless says whether an ASCII character may be escaped: it means nothing in a path, and no rule can speak of it.
func harmless(b byte) bool {
	return strings.IndexByte(" \"<>[]^`{|}", b) >= 0
}

// step is where rules stand after the segments so far.
type step struct {
	literals map[string]*step
	name     *step             // after {name}
	ends     map[string]string // permissions by method
	rests    map[string]string // the same, after {name...}
}

// find is the permission for what is left of a plain path, "" if there is none. Rules never contradict each other, so the narrowest segment
// that leads to one leads to the most specific.
func (s *step) find(method, path string) string {
	segment, rest, more := strings.Cut(path, "/")
	if segment == "" { // the path is "/"
		if root := s.literals[""]; root != nil {
			return root.ends[method]
		}
		return ""
	}
	for _, next := range [...]*step{s.literals[segment], s.name} {
		if next == nil {
			continue
		}
		permission := next.ends[method]
		if more {
			permission = next.find(method, rest)
		}
		if permission != "" {
			return permission
		}
	}
	return s.rests[method]
}

// add takes in a rule that is known to be well formed.
func (s *step) add(rule RouteRule) {
	at, ends := s, &s.ends
	for segment := range strings.SplitSeq(rule.Path[1:], "/") {
		switch kindOf(segment) {
		case literalSegment:
			if at.literals[segment] == nil {
				if at.literals == nil {
					at.literals = map[string]*step{}
				}
				at.literals[segment] = &step{}
			}
			at = at.literals[segment]
			ends = &at.ends
		case nameSegment:
			if at.name == nil {
				at.name = &step{}
			}
			at = at.name
			ends = &at.ends
		case restSegment:
			ends = &at.rests
		}
	}
	if *ends == nil {
		*ends = map[string]string{}
	}
	for _, method := range rule.Methods {
		(*ends)[method] = rule.Permission
	}
}
