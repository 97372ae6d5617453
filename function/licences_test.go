package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// licenceFile matches the files of a module that must be passed on with the program.
var licenceFile = regexp.MustCompile(`\A(?:LICENSE|LICENCE|NOTICE|COPYING)`)

// licenceKinds lists licences, each with a phrase that only its text contains. The first entry
// whose phrase occurs in a module's licence file names the module's licence.
var licenceKinds = []struct{ name, phrase string }{
	{"Apache-2.0", "Apache License"},
	{"MPL-2.0", "Mozilla Public License"},
	{"BSD-3-Clause", "Neither the name"},
	{"BSD-2-Clause", "Redistribution and use in source and binary forms"},
	{"MIT", "Permission is hereby granted, free of charge"},
}

// licenceFiles returns the files of a module that must be passed on with the program. Licences of logos are left out:
// logos are not linked.
func licenceFiles(t *testing.T, folder string) (files []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		switch {
		case entry.Name() == "LICENSE-LOGO" || !licenceFile.MatchString(entry.Name()):
		case entry.IsDir(): // one file for each licence, as the REUSE specification says
			parts, err := filepath.Glob(filepath.Join(path, "*.txt"))
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, slices.DeleteFunc(parts, func(part string) bool { return strings.HasPrefix(filepath.Base(part), "CC-") })...)
		default:
			files = append(files, path)
		}
	}
	return files
}

// TestReferenceOfLicences proves that docs/reference/licences.md has the licence and the
// notices of each module that is linked into the program. The command make generate writes the
// file.
func TestReferenceOfLicences(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", "lambda.norpc",
		"-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(modules)
	modules = slices.DeleteFunc(slices.Compact(modules), func(line string) bool { return line == "" })
	if len(modules) < 20 {
		t.Fatalf("%d modules found", len(modules))
	}
	var table, texts strings.Builder
	numbers := map[string]int{} // numbers of the texts that are printed
	for _, line := range modules {
		module, folder, _ := strings.Cut(line, " ")
		var kind string
		var printed []string
		for _, file := range licenceFiles(t, folder) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(string(data), "\r", ""), "```", "'''"))
			for _, k := range licenceKinds {
				if kind == "" && strings.Contains(strings.Join(strings.Fields(text), " "), k.phrase) {
					kind = k.name
				}
			}
			if numbers[text] == 0 {
				numbers[text] = len(numbers) + 1
				fmt.Fprintf(&texts, "\n## Text %d\n\n```text\n%s\n```\n", numbers[text], text)
			}
			printed = append(printed, fmt.Sprintf("[%d](#text-%d)", numbers[text], numbers[text]))
		}
		if kind == "" || printed == nil {
			t.Errorf("%s: its licence is not known: look at it, and add it to licenceKinds", module)
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", module, kind, strings.Join(printed, ", "))
	}
	compareDocument(t, "../docs/reference/licences.md", "# Licences\n\nThe program contains these modules and the standard library of Go, whose licence is that of `golang.org/x/sys`. Pass this page\n"+
		"on with the binary. It is generated (`make generate`). The program itself has the licence [Apache-2.0](../../LICENSE).\n\n"+
		"| module | licence | texts |\n|---|---|---|\n"+table.String()+texts.String())
}
