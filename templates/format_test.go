package templates

import (
	"testing"
	"time"

	"backupportal/function/param"
)

func TestSize(t *testing.T) {
	for bytes, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1 KiB", 102348: "99.9 KiB", 102400: "100 KiB", 36 << 30: "36 GiB", 240 << 20: "240 MiB",
		1<<40 - 1: "1024 GiB", 5 << 50: "5 PiB", 1 << 62: "4096 PiB",
	} {
		if got := size(bytes); got != want {
			t.Errorf("size(%d) = %q, want %q", bytes, got, want)
		}
	}
}

func TestTimesHaveAZone(t *testing.T) {
	at := time.Date(2026, 11, 23, 8, 56, 0, 0, time.UTC)
	for _, test := range []struct {
		zone   *time.Location
		en, zh string
	}{
		{time.FixedZone("", 8*3600), "23 Nov 2026, 16:56 UTC+8", "2026年11月23日 16:56 UTC+8"},
		{time.FixedZone("", 19800), "23 Nov 2026, 14:26 UTC+5:30", "2026年11月23日 14:26 UTC+5:30"},
		{time.FixedZone("", -12600), "23 Nov 2026, 05:26 UTC-3:30", "2026年11月23日 05:26 UTC-3:30"},
		{nil, "23 Nov 2026, 08:56 UTC", "2026年11月23日 08:56 UTC"},
	} {
		s := Shell{Zone: test.zone}
		if en, zh := s.minute(param.English, at), s.minute(param.Chinese, at); en != test.en || zh != test.zh {
			t.Errorf("%q and %q, want %q and %q", en, zh, test.en, test.zh)
		}
	}
}

func TestSlug(t *testing.T) {
	if got := slug(`a b."c"/é-1`); got != "a-b--c----1" {
		t.Errorf("slug is %q", got)
	}
}

func TestRowsAreCountedUpToTheLimit(t *testing.T) {
	for name, want := range map[string]int{
		"SpeedLimit.0.start": 1, "SpeedLimit.23.end": 24, "SpeedLimit.24.end": 0, "SpeedLimit.999999999.start": 0,
		"SpeedLimit.-1.start": 0, "SpeedLimit.x.start": 0, "SpeedLimit": 0, "SpeedLimit.1": 0,
	} {
		if got := (Values{name: ""}).Rows("SpeedLimit"); got != want {
			t.Errorf("%s: %d rows, want %d", name, got, want)
		}
	}
}
