package param_test

import (
	"testing"
	"time"

	"backupportal/function/param"
)

func TestDurationInWords(t *testing.T) {
	for d, want := range map[time.Duration]param.Text{
		15 * time.Minute: {En: "15 minutes", Zh: "15 分钟"},
		time.Second:      {En: "1 second", Zh: "1 秒"},
		90 * time.Minute: {En: "1 hour 30 minutes", Zh: "1 小时 30 分钟"},
		24 * time.Hour:   {En: "1 day", Zh: "1 天"},
		31*24*time.Hour + time.Hour + time.Second: {En: "31 days 1 hour 1 second", Zh: "31 天 1 小时 1 秒"},
		59*time.Second + 999*time.Millisecond:     {En: "1 minute", Zh: "1 分钟"},
		0:                                         {En: "0 seconds", Zh: "0 秒"},
		-time.Minute:                              {En: "0 seconds", Zh: "0 秒"},
	} {
		if got := param.Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
}
