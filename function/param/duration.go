package param

import (
	"strconv"
	"strings"
	"time"
)

// Duration writes d in words, in whole days, hours, minutes and seconds:
// "1 hour 30 minutes". It rounds to seconds. A duration below one second,
// or below zero, is "0 seconds".
func Duration(d time.Duration) Text {
	left := max(d.Round(time.Second), 0)
	var en, zh []string
	for _, u := range []struct {
		unit time.Duration
		name Text
	}{
		{24 * time.Hour, Text{"day", "天"}},
		{time.Hour, Text{"hour", "小时"}},
		{time.Minute, Text{"minute", "分钟"}},
		{time.Second, Text{"second", "秒"}},
	} {
		n := int64(left / u.unit)
		left %= u.unit
		if n == 0 && (u.unit > time.Second || len(en) > 0) {
			continue
		}
		number, plural := strconv.FormatInt(n, 10), "s"
		if n == 1 {
			plural = ""
		}
		en = append(en, number+" "+u.name.En+plural)
		zh = append(zh, number+" "+u.name.Zh)
	}
	return Text{strings.Join(en, " "), strings.Join(zh, " ")}
}
