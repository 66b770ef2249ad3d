package secret

import (
	_ "embed"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of a password: characters at least, bytes at most.
const (
	PasswordMinimum = 12
	PasswordMaximum = 256
)

//go:embed common.txt
var commonText string

// commonWords are what common passwords are built from.
var commonWords = func() map[string]bool {
	words := map[string]bool{}
	for word := range strings.FieldsSeq(commonText) {
		words[word] = true
	}
	return words
}()

// PasswordProblem returns "" for a password that may be used, else one sentence for the person
// who typed it. Own are their name and address, which a password must not be built from.
func PasswordProblem(password string, own ...string) string {
	switch {
	case utf8.RuneCountInString(password) < PasswordMinimum:
		return "Use at least 12 characters."
	case len(password) > PasswordMaximum:
		return "Use at most 256 bytes."
	case !utf8.ValidString(password):
		return "Use characters of a keyboard."
	case common(password):
		return "This password is made of common words or a common pattern, whatever digits and signs are around. Choose another, such as four words that have nothing to do with each other."
	case ownWords(password, own):
		return "This password is built from your own name or address. Choose another."
	}
	return ""
}

// common recognises passwords by how people build them rather than by a list of results: a
// pattern, or one or two well-known words, dressed with capitals, digits, signs or look-alikes.
func common(password string) bool {
	folded := strings.ToLower(password)
	core := strings.TrimFunc(folded, notLetter)
	if repeats(folded) || keyboard(folded) || utf8.RuneCountInString(core) < 4 {
		return true
	}
	for _, likeness := range [...]*strings.Replacer{asIs, oneIsI, oneIsL} {
		// Look-alikes at either end are tried as letters as well as dressing.
		for _, text := range [...]string{core, folded} {
			if madeOfCommon(strings.Map(lettersOnly, likeness.Replace(text))) {
				return true
			}
		}
	}
	return false
}

var (
	asIs   = strings.NewReplacer()
	oneIsI = strings.NewReplacer("@", "a", "4", "a", "3", "e", "0", "o", "$", "s", "5", "s", "7", "t", "1", "i", "!", "i")
	oneIsL = strings.NewReplacer("@", "a", "4", "a", "3", "e", "0", "o", "$", "s", "5", "s", "7", "t", "1", "l", "!", "i")
)

func notLetter(r rune) bool { return !unicode.IsLetter(r) }

func lettersOnly(r rune) rune {
	if unicode.IsLetter(r) {
		return r
	}
	return -1
}

// madeOfCommon is true for one common word, any number of times, or two of them.
func madeOfCommon(letters string) bool {
	if commonWords[letters] || commonWords[unit(letters)] {
		return true
	}
	for i := range letters {
		if commonWords[letters[:i]] && commonWords[letters[i:]] {
			return true
		}
	}
	return false
}

// unit is the shortest piece that s consists of, repeated: "abcabc" gives "abc".
func unit(s string) string {
	for n := 1; n <= len(s)/2; n++ {
		if len(s)%n == 0 && strings.Repeat(s[:n], len(s)/n) == s {
			return s[:n]
		}
	}
	return s
}

// repeats is true where at most four characters make up the whole password, or a piece of at
// most six is written again and again.
func repeats(s string) bool {
	seen := map[rune]bool{}
	for _, r := range s {
		seen[r] = true
	}
	return len(seen) <= 4 || len(unit(s)) <= 6
}

var keyboardRows = [...]string{
	"1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop", "yxcvbnm", "abcdefghijklmnopqrstuvwxyz",
	"!@#$%^&*()", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1q2w3e4r5t6y7u8i9o0p", "qazwsxedcrfvtgbyhnujmikolp", "q1w2e3r4t5y6u7i8o9p0",
}

// keyboard is true where runs of neighbouring keys, four or longer, cover all but three
// characters.
func keyboard(s string) bool {
	rest := 0
	for len(s) > 0 {
		run := longestRun(s)
		if run < 4 {
			rest, run = rest+1, 1
		}
		s = s[run:]
	}
	return rest <= 3
}

// longestRun is how many bytes s starts with that stand side by side on some row, in either
// direction.
func longestRun(s string) int {
	longest := 0
	for _, row := range keyboardRows {
		for _, line := range [...]string{row, reversed(row)} {
			n := 0
			for n < len(s) && strings.Contains(line, s[:n+1]) {
				n++
			}
			longest = max(longest, n)
		}
	}
	return longest
}

func reversed(s string) string {
	out := []byte(s)
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return string(out)
}

// ownWords is true where fewer than eight characters remain once the words of the person's own
// name and address are taken out.
func ownWords(password string, own []string) bool {
	rest := strings.ToLower(password)
	for _, text := range own {
		words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		for _, word := range append([]string{strings.ToLower(text)}, words...) {
			if utf8.RuneCountInString(word) >= 3 {
				rest = strings.ReplaceAll(rest, word, "")
			}
		}
	}
	return len(own) > 0 && utf8.RuneCountInString(rest) < 8 && utf8.RuneCountInString(rest) < utf8.RuneCountInString(password)
}
