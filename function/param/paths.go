package param

import (
	"regexp"
	"strings"
)

// windowsPath matches the begin of an absolute path on Windows: a drive, or a share such as \\server\data.
var windowsPath = regexp.MustCompile(`\A(?:[A-Za-z]:(?:[\\/]|\z)|\\\\[^\\]|//[^/])`)

var (
	msgLinuxPath = Text{"%v: “%v” is not an absolute path on Linux; start it with /",
		"%v：“%v”不是 Linux 上的绝对路径，应以 / 开头"}
	msgWindowsPath = Text{"%v: “%v” is not an absolute path on Windows; start it with a drive, such as C:\\",
		"%v：“%v”不是 Windows 上的绝对路径，应以盘符开头，例如 C:\\"}
)

// CheckPaths returns a mistake for each of Include and Exclude that has a path which cannot exist on an instance
// with the given operating system, "linux" or "windows" in any case; it is about the first such path. A pattern
// without a separator, such as *.tmp, fits every system. Nothing is known about other systems.
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
