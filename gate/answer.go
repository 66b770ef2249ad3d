package gate

import "encoding/json"

// AppendJSON appends the answer as a document. All but a missing permission's name was encoded when the key was read.
func (r Result) AppendJSON(to []byte) []byte {
	to = append(to, `{"valid":`...)
	if r.Valid {
		to = append(to, `true,"code":"`...)
	} else {
		to = append(to, `false,"code":"`...)
	}
	to = append(append(to, r.Code...), '"')
	if r.MissingPermission != "" {
		name, _ := json.Marshal(r.MissingPermission) // asked for by a stranger; a string always encodes
		to = append(append(to, `,"missing_permission":`...), name...)
	}
	if r.Code != NotFound {
		to = append(to, r.identity...)
		to = append(append(to, `,"permissions":`...), r.permissions...)
	}
	return append(to, '}')
}
