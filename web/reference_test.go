package web

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"backupportal/function/param"
)

// TestReferenceOfErrors proves that docs/reference/errors.md and docs/zh/errors.md list each
// type of problem that the API returns, with its status and its words. The command make
// generate writes the files.
func TestReferenceOfErrors(t *testing.T) {
	all := slices.Concat(faults, []fault{invalid, refusedForOperator, refusedByCaller, internalFault})
	var rows []fault
	for _, f := range all {
		rows = append(rows, f.forPrograms())
	}
	slices.SortStableFunc(rows, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.status, b.status), strings.Compare(a.name, b.name))
	})
	for _, page := range []struct {
		file, head string
		language   param.Language
	}{
		{"../docs/reference/errors.md", "# Errors\n\nA failed request gets a problem document (RFC 9457). Its `type` ends with one of these names, which never " +
			"change.\nPages show the same title and detail, in English or Chinese. This page is generated (`make generate`).\n\n" +
			"| status | type | title | detail |\n|---|---|---|---|\n", param.English},
		{"../docs/zh/errors.md", "# 错误\n\n失败的请求会得到问题文档（RFC 9457）。`type` 的结尾为下列名称之一，名称不会改变。页面以中文或英文显示相同的标题与说明。\n" +
			"本页由 `make generate` 生成。\n\n| 状态码 | 类型 | 标题 | 说明 |\n|---|---|---|---|\n", param.Chinese},
	} {
		text := page.head
		for _, f := range rows {
			text += fmt.Sprintf("| %d | `%s` | %s | %s |\n", f.status, f.name, f.title.In(page.language), f.detail.In(page.language))
		}
		if flag.Lookup("update").Value.String() == "true" { // openapi_test.go declares the flag
			if err := os.WriteFile(page.file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(page.file); err != nil || string(got) != text {
			t.Errorf("%s is out of date: run make generate. %v", page.file, err)
		}
	}
}

// TestLimitsAreDocumented proves that docs/reference/limits.md has the limits of requests that
// the program enforces.
func TestLimitsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/reference/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{
		fmt.Sprintf("| body of a request and of an event | %d KB; of a batch %d MB; of a webhook %d MB", maxBody>>10, maxBatchBody>>20, MaxHook>>20),
		fmt.Sprintf("| address of a request | %d KB |", maxURL>>10),
		fmt.Sprintf("| headers of a request | %d KB, names and values together", maxHeaders>>10),
	} {
		if !strings.Contains(string(page), "\n"+row) {
			t.Errorf("docs/reference/limits.md lacks %q", row)
		}
	}
}
