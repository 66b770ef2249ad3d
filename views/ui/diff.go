package ui

import "unicode/utf8"

// part is a piece of a text: what two texts share, or what only one of them has.
type part struct {
	text    string
	differs bool
}

// compared splits two texts into what they share at their beginnings and ends, and the middle in which they differ. It compares character by
// character, so that a slash too many, a capital letter or http for https stands out. Texts that share next to nothing are not split: marking
// all but a letter of them would help nobody.
func compared(want, got string) (wantParts, gotParts []part) {
	if want == got {
		return []part{{want, false}}, []part{{got, false}}
	}
	head := 0
	for head < len(want) && head < len(got) {
		w, size := utf8.DecodeRuneInString(want[head:])
		g, _ := utf8.DecodeRuneInString(got[head:])
		if w != g {
			break
		}
		head += size
	}
	tail := 0
	for tail < len(want)-head && tail < len(got)-head {
		w, size := utf8.DecodeLastRuneInString(want[head : len(want)-tail])
		g, _ := utf8.DecodeLastRuneInString(got[head : len(got)-tail])
		if w != g {
			break
		}
		tail += size
	}
	if longer := max(len(want), len(got)); want == "" || got == "" || (head+tail)*3 < longer {
		return []part{{want, false}}, []part{{got, false}}
	}
	return parts(want, head, tail), parts(got, head, tail)
}

func parts(text string, head, tail int) []part {
	var all []part
	for _, p := range []part{{text[:head], false}, {text[head : len(text)-tail], true}, {text[len(text)-tail:], false}} {
		if p.text != "" || p.differs {
			all = append(all, p)
		}
	}
	return all
}

// marked reports whether the parts say where the texts differ.
func marked(all []part) bool { return len(all) > 1 || len(all) == 1 && all[0].differs }
