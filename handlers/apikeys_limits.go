package handlers

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// expiryForm is when a key shall end, as it was sent: a number of days, "date" with a day in on, "never", or "keep" for a key that is rotated.
type expiryForm struct{ choice, on string }

func (v *visit) sentExpiry() expiryForm {
	return expiryForm{v.form().Text("expires"), v.form().Text("expires_on")}
}

// usualDays are the lives that are offered, as far as the organization allows them.
var usualDays = []int{7, 30, 90, 365}

// expiryOptions are the choices that the policy leaves, the default being chosen where none was.
func expiryOptions(policy store.KeyPolicy, chosen string) []ui.Option {
	days := usualDays
	if !policy.NeverExpires {
		days = nil
		for _, n := range usualDays {
			if n < policy.LongestDays {
				days = append(days, n)
			}
		}
		days = append(days, policy.LongestDays)
	}
	if chosen == "" {
		chosen = strconv.Itoa(min(store.UsualDays, days[len(days)-1]))
	}
	var options []ui.Option
	for _, n := range days {
		options = append(options, ui.Option{Value: strconv.Itoa(n), Label: daysWords(n)})
	}
	options = append(options, ui.Option{Value: "date", Label: "On a date"})
	if policy.NeverExpires {
		options = append(options, ui.Option{Value: "never", Label: "Never"})
	}
	for i := range options {
		options[i].Chosen = options[i].Value == chosen
	}
	return options
}

func daysWords(n int) string {
	switch n {
	case 1:
		return "In a day"
	case 365:
		return "In a year"
	}
	return "In " + ui.Number(int64(n)) + " days"
}

func expiryHelp(policy store.KeyPolicy) string {
	if policy.NeverExpires {
		return ""
	}
	return "In this organization a key lasts at most " + counted(int64(policy.LongestDays), "day") + "."
}

// read is the time that is meant, nil for never; or the field that is wrong, and a sentence about it.
func (f expiryForm) read(now time.Time) (at *time.Time, field, wrong string) {
	switch f.choice {
	case "never":
		return nil, "", ""
	case "date":
		day, err := time.Parse(time.DateOnly, f.on)
		end := day.AddDate(0, 0, 1)
		if err != nil || !end.After(now) {
			return nil, "expires_on", "Enter a day in the future, such as " + now.AddDate(0, 1, 0).Format(time.DateOnly) + "."
		}
		return &end, "", ""
	}
	days, err := strconv.Atoi(f.choice)
	if err != nil || days < 1 || days > 100*365 {
		return nil, "expires", "Choose when the key expires."
	}
	end := now.AddDate(0, 0, days)
	return &end, "", ""
}

// readNetworks reads addresses and networks, one a line; or a sentence that names the lines which are neither.
func readNetworks(text string) (networks []netip.Prefix, wrong string) {
	var lines []string
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		network, err := store.ParseNetwork(line)
		if err != nil {
			lines = append(lines, fmt.Sprintf("Line %d: “%.60s” is no address or network.", i+1, line))
			continue
		}
		networks = append(networks, network)
	}
	if len(lines) > 0 {
		return nil, strings.Join(lines[:min(len(lines), 5)], " ") + " Write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32."
	}
	return networks, ""
}

func networkLines(networks []netip.Prefix) []string {
	lines := make([]string, len(networks))
	for i, network := range networks {
		lines[i] = network.String()
		if network.IsSingleIP() {
			lines[i] = network.Addr().String()
		}
	}
	return lines
}

// readRate reads a limit a minute, nothing being none; or says what is wrong.
func readRate(text string) (rate int, wrong string) {
	if text == "" {
		return 0, ""
	}
	rate, err := strconv.Atoi(text)
	if err != nil || rate < 1 || rate > store.HighestRate {
		return 0, "Enter a whole number from 1 to " + ui.Number(store.HighestRate) + ", or nothing."
	}
	return rate, ""
}

func rateWords(rate int) string {
	if rate == 0 {
		return ""
	}
	return ui.Number(int64(rate)) + " requests a minute"
}

func rateText(rate int) string {
	if rate == 0 {
		return ""
	}
	return strconv.Itoa(rate)
}
