package store

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"time"
)

// The kinds of public ids. An id is its kind, an underscore, and a UUID version 7 (RFC 9562 §5.7) in 26 characters of lower-case
// Crockford base32: the TypeID form. Ids of one kind sort by the millisecond in which they were made.
const (
	idOrganization   = "org"
	idProject        = "prj"
	idUser           = "usr"
	idMember         = "mem"
	idBinding        = "rol"
	idConnection     = "con"
	idVersion        = "ver"
	idDomain         = "dom"
	idLogin          = "log"
	idSession        = "ses"
	idAPIKey         = "key"
	idServiceAccount = "sva"
	idEvent          = "evt"
	idConnectionKey  = "ckp"
	idWelcome        = "wel"
	idHost           = "hst"
	idInvite         = "inv"
	idMail           = "mai"
	idNotice         = "ntc"
	idPasskey        = "psk"
	idWebhook        = "whk"
	idDelivery       = "dlv"
	idOperatorToken  = "opr"
	idWaitingLink    = "wtl"
	idClientSecret   = "csc"
	idSetupLink      = "stp"
	idSetupVisit     = "stv"
)

const base32 = "0123456789abcdefghjkmnpqrstvwxyz"

// newID makes an id of the given kind, dated now.
func newID(kind string, now time.Time) string {
	var uuid [16]byte
	rand.Read(uuid[:]) // never fails since Go 1.24
	binary.BigEndian.PutUint16(uuid[0:], uint16(now.UnixMilli()>>32))
	binary.BigEndian.PutUint32(uuid[2:], uint32(now.UnixMilli()))
	uuid[6] = 0x70 | uuid[6]&0x0f // version 7
	uuid[8] = 0x80 | uuid[8]&0x3f // the RFC's variant
	return kind + "_" + encodeBase32(uuid)
}

// encodeBase32 writes 128 bits as 26 characters, five bits each, after two leading zero bits.
func encodeBase32(bits [16]byte) string {
	high, low := binary.BigEndian.Uint64(bits[:8]), binary.BigEndian.Uint64(bits[8:])
	var text [26]byte
	for i := len(text) - 1; i >= 0; i-- {
		text[i] = base32[low&31]
		low = low>>5 | high<<59
		high >>= 5
	}
	return string(text[:])
}

// IsID says whether text has the form of an id of the kind (such as "org"). It spares the database a look for what cannot exist.
func IsID(kind, text string) bool {
	suffix, found := strings.CutPrefix(text, kind+"_")
	if !found || len(suffix) != 26 || suffix[0] > '7' {
		return false
	}
	return strings.Trim(suffix, base32) == ""
}
