package wordstest_test

import (
	"testing"

	"backupportal/function/param/wordstest"
)

func TestFind(t *testing.T) {
	for text, want := range map[string]string{
		"Backup Portal":                    "",
		"15 minutes, 15 分钟, session: 15m":  "",
		"The Backup Desk":                  "backup desk",
		"欢迎使用备份服务台":                        "备份服务台",
		"wait 15m0s":                       "15m0s",
		"至少间隔 1h30m0s":                     "1h30m0s",
		"15m0s":                            "15m0s",
		"(1m2.5s)":                         "1m2.5s",
		"Wait 3m2s.":                       "3m2s",
		"/auth?state=ab-3m2s&nonce=3m2s":   "",
		"One thing is IN THE WAY: a role.": "in the way",
		"36.5 GiB of 40 GiB, 崩溃一致性":        "",
		"36.0 GiB of 40 GiB":               "6.0 gib",
		"将创建应用一致的备份":                       "应用一致的",
	} {
		if got := wordstest.Find(text); got != want {
			t.Errorf("Find(%q) = %q, want %q", text, got, want)
		}
	}
}
