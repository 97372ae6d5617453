package param

import (
	"regexp"
	"strings"
)

// windowsPath matches the beginning of an absolute Windows path: a drive, or a share such as
// \\server\data.
var windowsPath = regexp.MustCompile(`\A(?:[A-Za-z]:(?:[\\/]|\z)|\\\\[^\\]|//[^/])`)

var (
	msgLinuxPath = Text{"%v: “%v” is not an absolute path on Linux; start it with /",
		"%v：“%v”不是 Linux 上的绝对路径，应以 / 开头"}
	msgWindowsPath = Text{"%v: “%v” is not an absolute path on Windows; start it with a drive, such as C:\\",
		"%v：“%v”不是 Windows 上的绝对路径，应以盘符开头，例如 C:\\"}
)

// CheckPaths checks that the paths of Include and Exclude are absolute paths on the instance's
// operating system: "linux" or "windows", in any case. It returns at most one mistake for each
// of the two fields, about the first wrong path. A file pattern without a separator, such as
// *.tmp, is valid on both. For another or unknown system it returns nil.
func (p Params) CheckPaths(system string) (bad InvalidError) {
	for _, name := range []string{"Include", "Exclude"} {
		for _, path := range p.Strings(name) {
			text, fits := msgLinuxPath, strings.HasPrefix(path, "/")
			switch strings.ToLower(system) {
			case "linux":
			case "windows":
				text, fits = msgWindowsPath, windowsPath.MatchString(path)
			default:
				return nil
			}
			if fits || strings.ContainsAny(path, "*?") && !strings.ContainsAny(path, `/\:`) {
				continue
			}
			f, _ := FieldNamed(name)
			bad = append(bad, Mistake{Field: name, Code: "path_system", Text: text, Args: []any{f.Label, path}})
			break
		}
	}
	return bad
}
