package web

import (
	"testing"

	"backupportal/function/param"
)

func TestPreferredLanguage(t *testing.T) {
	for header, want := range map[string]param.Language{
		"": param.English, "*": param.English, "fr": param.English, "en-GB": param.English,
		"zh": param.Chinese, "zh-CN,zh;q=0.9,en;q=0.8": param.Chinese, "zh-TW": param.Chinese, "zh-Hant-HK": param.Chinese, "ZH-cn": param.Chinese,
		"en;q=0.5, zh;q=0.9": param.Chinese, "zh;q=0.5,en;q=0.9": param.English, "zh;q=0, en": param.English, "zh;q=0": param.English,
		"fr, zh;q=0.3": param.Chinese, "fr;q=0.9, zh;q=0.3, en;q=0.5": param.English, "en, zh": param.English, "zh, en": param.Chinese,
		"zh-TW, en;q=0.9": param.Chinese, "zh;q=bad": param.English, "zh, *;q=bad": param.Chinese, "not a tag, zh": param.Chinese, "zh-CN,!!": param.Chinese,
	} {
		if got := preferred(header); got != want {
			t.Errorf("preferred(%q) = %s, want %s", header, got, want)
		}
	}
}
