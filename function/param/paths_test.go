package param_test

import (
	"testing"

	"backupportal/function/param"
)

// TestPathsFitTheSystem proves that paths are checked by the rules of the instance's operating
// system. A file pattern such as *.tmp is accepted on every system.
func TestPathsFitTheSystem(t *testing.T) {
	for _, c := range []struct {
		system, path string
		fits         bool
	}{
		{"linux", "/home/alice", true}, {"linux", "/srv/a b/*.pdf", true}, {"linux", `/odd\name`, true}, {"linux", "*.tmp", true},
		{"linux", "home/alice", false}, {"linux", `C:\x`, false}, {"linux", "C:/x", false}, {"linux", "tmp/*", false}, {"linux", "data", false},
		{"windows", `C:\x`, true}, {"Windows", "d:/data", true}, {"windows", "E:", true}, {"windows", `\\server\share`, true}, {"windows", "*.tmp", true},
		{"windows", "/x", false}, {"windows", `data\x`, false}, {"windows", "home", false},
		{"", "home/alice", true}, {"freebsd", "home/alice", true},
	} {
		for _, name := range []string{"Include", "Exclude"} {
			bad := param.Params{name: param.StringList([]string{"*.log", c.path})}.CheckPaths(c.system)
			if len(bad) == 0 != c.fits || !c.fits && bad[0].Field != name {
				t.Errorf("%s %q on %q: %v", name, c.path, c.system, bad)
			}
		}
	}
}
