package client

import "time"

// SetClock gives the client another clock, for tests of what time does.
func (c *Client) SetClock(now func() time.Time) { c.now = now }

// IsKeyText is what is worth asking about.
var IsKeyText = isKeyText
