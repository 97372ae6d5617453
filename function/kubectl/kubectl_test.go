package kubectl_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/kubectl"
)

const list = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: PersistentVolume
  metadata:
    name: d-bp1abc
    annotations:
      note: |
        $ kubectl get pv
  spec:
    capacity: {storage: 100Gi}
    claimRef: {kind: PersistentVolumeClaim, name: data-0, namespace: orders}
    csi: {driver: diskplugin.csi.alibabacloud.com, volumeHandle: d-bp1abc}
    storageClassName: alicloud-disk-essd
  status: {phase: Bound}
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata:
    name: data-0
    namespace: orders
    annotations: {volume.kubernetes.io/selected-node: cn-hangzhou.192.168.13.133}
  spec:
    volumeName: d-bp1abc
    storageClassName: alicloud-disk-essd
  status:
    capacity: {storage: 100Gi}
    phase: Bound
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata: {name: waits, namespace: shop}
  spec:
    resources: {requests: {storage: 20Gi}}
  status: {phase: Pending}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: other}
`

var fromList = []kubectl.Volume{
	{
		Namespace: "orders", Claim: "data-0", Name: "d-bp1abc", Size: "100Gi", StorageClass: "alicloud-disk-essd",
		Driver: "diskplugin.csi.alibabacloud.com", Node: "cn-hangzhou.192.168.13.133",
	},
	{Namespace: "shop", Claim: "waits", Size: "20Gi", Problem: kubectl.NotBound, Detail: "Pending"},
}

// TestVolumesInAllForms proves that a claim and its volume become one volume, in every format
// that kubectl writes.
func TestVolumesInAllForms(t *testing.T) {
	const claim = "kind: PersistentVolumeClaim\nmetadata: {name: a, namespace: n}\nspec: {volumeName: v}\nstatus: {phase: Bound}\n"
	const volume = "kind: PersistentVolume\nmetadata: {name: v}\nspec: {claimRef: {name: a, namespace: n}, hostPath: {path: /x}}\nstatus: {phase: Bound}\n"
	host := kubectl.Volume{Namespace: "n", Claim: "a", Name: "v", Driver: "hostPath", Problem: kubectl.OtherDriver, Detail: "hostPath"}
	for name, test := range map[string]struct {
		text      string
		want      []kubectl.Volume
		documents int
	}{
		"list":              {list, fromList, 1},
		"Windows line ends": {strings.ReplaceAll(list, "\n", "\r\n"), fromList, 1},
		"byte order mark":   {"\ufeff" + list, fromList, 1},
		"documents":         {claim + "---\n" + volume + "---\n", []kubectl.Volume{host}, 2},
		"a claim alone":     {claim, []kubectl.Volume{{Namespace: "n", Claim: "a", Name: "v"}}, 1},
		"a volume alone":    {volume, []kubectl.Volume{host}, 1},
		"JSON with tabs": {
			"{\n\t\"kind\": \"List\",\n\t\"items\": [{\"kind\": \"PersistentVolumeClaim\", \"metadata\": {\"name\": \"a\", \"namespace\": \"n\"}}]\n}\n",
			[]kubectl.Volume{{Namespace: "n", Claim: "a"}}, 1,
		},
		"typed list": {
			"kind: PersistentVolumeClaimList\nitems:\n- metadata: {name: a, namespace: n}\n",
			[]kubectl.Volume{{Namespace: "n", Claim: "a"}}, 1,
		},
		"no claim": {
			"kind: PersistentVolume\nmetadata: {name: v}\nspec: {csi: {driver: nasplugin.csi.alibabacloud.com}}\n",
			[]kubectl.Volume{{Name: "v", Driver: "nasplugin.csi.alibabacloud.com", Problem: kubectl.NoClaim}}, 1,
		},
		"deleting": {
			"kind: PersistentVolumeClaim\nmetadata: {name: a, namespace: n, deletionTimestamp: 2026-11-23T00:00:00Z}\nstatus: {phase: Bound}\n",
			[]kubectl.Volume{{Namespace: "n", Claim: "a", Problem: kubectl.Deleting}}, 1,
		},
	} {
		got, err := kubectl.Read(test.text)
		if diff := cmp.Diff(test.want, got.Volumes); err != nil || diff != "" || got.Documents != test.documents {
			t.Errorf("%s: %v, %d documents (-want +got):\n%s", name, err, got.Documents, diff)
		}
	}
}

// TestUnreadableOutput proves that output that cannot be read is refused, with the line and the
// column of the mistake.
func TestUnreadableOutput(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want kubectl.SyntaxError
	}{
		"nothing":       {" \n", kubectl.SyntaxError{Kind: kubectl.Empty}},
		"too long":      {strings.Repeat("x", kubectl.MaxSize+1), kubectl.SyntaxError{Kind: kubectl.TooLong}},
		"no text":       {"kind: \xff", kubectl.SyntaxError{Kind: kubectl.NotText}},
		"tab":           {"kind: List\nitems:\n \t- a\n", kubectl.SyntaxError{Line: 3, Column: 2, Kind: kubectl.Tab}},
		"prompt before": {"$ kubectl get pvc -o yaml\n" + list, kubectl.SyntaxError{Line: 1, Column: 1, Kind: kubectl.Prompt}},
		"prompt after":  {"kind: List\nitems: []\nalice@host:~$ \n", kubectl.SyntaxError{Line: 3, Column: 1, Kind: kubectl.Prompt}},
		"table":         {"NAMESPACE   NAME   STATUS\norders   data-0   Bound\n", kubectl.SyntaxError{Line: 1, Column: 1, Kind: kubectl.Table}},
		"bad YAML":      {"kind: List\nitems:\n  a: b: c\n", kubectl.SyntaxError{Line: 3, Column: 3, Kind: kubectl.BadYAML}},
		"a text":        {"hello", kubectl.SyntaxError{Line: 1, Column: 1, Kind: kubectl.NoObject}},
		"other items":   {"kind: List\nitems:\n- hello\n", kubectl.SyntaxError{Line: 3, Column: 3, Kind: kubectl.NoObject}},
		"no volumes":    {"kind: ConfigMap\nmetadata: {name: a}\n", kubectl.SyntaxError{Kind: kubectl.NoVolume}},
	} {
		_, err := kubectl.Read(test.text)
		got, ok := errors.AsType[*kubectl.SyntaxError](err)
		if !ok || *got != test.want {
			t.Errorf("%s: %v, want %v", name, err, &test.want)
		}
	}
}

// FuzzRead proves that any text gives volumes or a SyntaxError, and that no value has blanks or
// control characters.
func FuzzRead(f *testing.F) {
	f.Add(list)
	f.Add(`{"kind":"List","items":[]}`)
	f.Add("a: &a [*a, *a]\nkind: PersistentVolume\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := kubectl.Read(text)
		if _, ok := errors.AsType[*kubectl.SyntaxError](err); err != nil && !ok {
			t.Fatalf("%T", err)
		}
		if (err == nil) != (len(got.Volumes) > 0) {
			t.Fatalf("%d volumes, error %v", len(got.Volumes), err)
		}
		for _, v := range got.Volumes {
			for _, s := range []string{v.Namespace, v.Claim, v.Name, v.Size, v.StorageClass, v.Driver, v.Node} {
				if strings.ContainsAny(s, " \n\t\x00") || len(s) > 253 {
					t.Fatalf("value %q", s)
				}
			}
		}
	})
}
