package templates

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"backupportal/function/param"
)

// local returns t in the zone of the portal.
func (s Shell) local(t time.Time) time.Time {
	return t.In(cmp.Or(s.Zone, time.UTC))
}

// minute returns a time to the minute, with its zone.
func (s Shell) minute(l param.Language, t time.Time) string {
	t = s.local(t)
	layout := "2 Jan 2006, 15:04 "
	if l == param.Chinese {
		layout = "2006年1月2日 15:04 "
	}
	return t.Format(layout) + param.UTCOffset(t)
}

// day returns the date of t as text.
func (s Shell) day(l param.Language, t time.Time) string {
	if l == param.Chinese {
		return s.local(t).Format("2006年1月2日")
	}
	return s.local(t).Format("2 January 2006")
}

// keptUntil returns a phrase with the date until which a backup that is made today is kept.
// days is the retention as text. It returns "" if days is not a number within the limits of the
// field f.
func (s Shell) keptUntil(ctx context.Context, f param.Field, days string) string {
	n, err := strconv.ParseInt(days, 10, 32)
	if err != nil || n < f.Minimum || n > f.Maximum {
		return ""
	}
	return in(ctx, wordKept, s.day(Language(ctx), s.local(s.Now).AddDate(0, 0, int(n))))
}

// size returns a number of bytes in units of 1024, with at most one decimal, and none from 100 on.
func size(bytes int64) string {
	if bytes < 1024 {
		return strconv.FormatInt(bytes, 10) + " B"
	}
	n, unit := float64(bytes)/1024, 0
	for n >= 1024 && unit < 4 {
		n, unit = n/1024, unit+1
	}
	decimals := 0
	if n < 99.95 { // 99.95 would be rounded to 100.0
		decimals = 1
	}
	return strings.TrimSuffix(strconv.FormatFloat(n, 'f', decimals, 64), ".0") + [...]string{" KiB", " MiB", " GiB", " TiB", " PiB"}[unit]
}

// approximately returns an estimated duration in words, such as "about 5 minutes".
func approximately(ctx context.Context, d time.Duration) string {
	switch {
	case d < time.Minute:
		return in(ctx, param.Both("less than a minute", "不到 1 分钟"))
	case d < 90*time.Second:
		return in(ctx, param.Both("about a minute", "约 1 分钟"))
	case d < 90*time.Minute:
		return in(ctx, param.Both("about %v minutes", "约 %v 分钟"), int(d.Round(time.Minute)/time.Minute))
	case d < 36*time.Hour:
		return in(ctx, param.Both("about %v hours", "约 %v 小时"), int(d.Round(time.Hour)/time.Hour))
	}
	return in(ctx, param.Both("about %v days", "约 %v 天"), int((d+12*time.Hour)/(24*time.Hour)))
}

// brief returns a duration to the minute: "4 min", "1 h 12 min".
func brief(ctx context.Context, d time.Duration) string {
	minutes := int(max(d, 0).Round(time.Minute) / time.Minute)
	switch {
	case minutes < 1:
		return in(ctx, param.Both("less than 1 min", "不到 1 分钟"))
	case minutes < 60:
		return in(ctx, param.Both("%v min", "%v 分钟"), minutes)
	case minutes%60 == 0:
		return in(ctx, param.Both("%v h", "%v 小时"), minutes/60)
	}
	return in(ctx, param.Both("%v h %v min", "%v 小时 %v 分钟"), minutes/60, minutes%60)
}

// speed returns a rate in KB/s, or in MB/s of 1024 KB/s if it is a whole number of them.
func speed(rate int64) string {
	if rate > 0 && rate%1024 == 0 {
		return param.Count(rate/1024).String() + " MB/s"
	}
	return param.Count(rate).String() + " KB/s"
}

// hour returns a full hour of the day, 0 to 24.
func hour(h int) string { return fmt.Sprintf("%02d:00", h) }

// regionLabel returns the name and the id of a region.
func regionLabel(ctx context.Context, id string) string {
	name := in(ctx, param.RegionName(id))
	if name == id {
		return id
	}
	return name + " · " + id
}
