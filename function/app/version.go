package app

import (
	"cmp"
	"runtime"
	"runtime/debug"

	"backupportal/function/store"
	"backupportal/web"
)

// Version describes this program: the version of the module, the commit of its source, the version
// of Go, and the version of the schema that its migrations make. The first two are what the Go
// command stored in the program; see [versionOf].
func Version() web.Version {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	v := versionOf(info)
	v.Schema = store.SchemaVersion()
	return v
}

// Build returns the commit of the source, or the module's version, or "unknown". It identifies the
// program in each record of the audit trail.
func Build() string {
	v := Version()
	return cmp.Or(v.Commit, v.Module)
}

// versionOf returns the version in info, without the schema. The Go command knows the commit
// only if the source is a checkout with version control. It derives the module's version from
// the tags of that checkout; "(devel)" means that there is none. A commit with changes that are
// not committed has the suffix "+dirty".
func versionOf(info *debug.BuildInfo) web.Version {
	v := web.Version{Module: info.Main.Version, Go: cmp.Or(info.GoVersion, runtime.Version())}
	if v.Module == "" || v.Module == "(devel)" {
		v.Module = "unknown"
	}
	changed := false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			changed = s.Value == "true"
		}
	}
	if changed && v.Commit != "" {
		v.Commit += "+dirty"
	}
	return v
}
