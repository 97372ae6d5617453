package param

import (
	"strings"
	"testing"
)

// TestHintsForQueriesAreKnownToThem proves that the name suggested for an unknown parameter of
// a query is always one that this query accepts.
func TestHintsForQueriesAreKnownToThem(t *testing.T) {
	known := []string{"Region", "SourceType", "ClusterId", "Search", "Next"}
	for name, want := range map[string]string{
		"ContainerClusterId": "", "clusterid": "ClusterId", "Cluster_Id": "ClusterId", "Regoin": "Region", "serch": "Search", "Retention": "",
	} {
		m := UnknownName(name, known)
		if got := m.In(English); strings.Contains(got, "did you mean "+want+"?") != (want != "") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
