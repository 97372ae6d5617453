package param

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Requests with only the required parameters, one for each source type.
var (
	instance = Params{"Account": "demo", "Region": "cn-hangzhou", "SourceType": "UDM_ECS", "InstanceId": "i-bp1", "Retention": "7"}
	files    = Params{"Account": "demo", "Region": "cn-hangzhou", "SourceType": "ECS_FILE", "InstanceId": "i-bp1", "VaultId": "v-1", "Retention": "7"}
	volumes  = Params{"Account": "demo", "Region": "cn-hangzhou", "SourceType": "CONTAINER", "ContainerClusterId": "cc-1", "VaultId": "v-1",
		"ContainerResources": `[{"resourceType":"PV"}]`, "Retention": "7"}
)

// with returns a copy of p with the given names and values. An empty value removes a parameter.
func with(p Params, pairs ...string) Params {
	q := maps.Clone(p)
	for i := 0; i < len(pairs); i += 2 {
		q[pairs[i]] = pairs[i+1]
	}
	return q
}

// codes returns the mistakes in err as "Field code", in their order.
func codes(err error) []string {
	var out []string
	bad, _ := errors.AsType[InvalidError](err)
	for _, m := range bad {
		out = append(out, m.Field+" "+m.Code)
	}
	return out
}

func TestValidate(t *testing.T) {
	scripts := []string{"Detail.appConsistent", "true", "Detail.preScriptPath", "/a", "Detail.postScriptPath", "/b"}
	copied := []string{"Detail.doCopy", "true", "Detail.destinationRegionId", "cn-shanghai", "Detail.destinationRetention", "9"}
	for name, c := range map[string]struct {
		p    Params
		want []string
	}{
		"the least for an instance":               {instance, nil},
		"the least for files":                     {files, nil},
		"the least for volumes":                   {volumes, nil},
		"nothing at all":                          {Params{}, []string{"Account required", "Region required", "InstanceId required", "Retention required"}},
		"an unknown kind is reported alone":       {Params{"SourceType": "OSS", "Retention": "x"}, []string{"SourceType enum"}},
		"several mistakes at once":                {with(instance, "InstanceId", "web-01", "Retention", "0", "JobName", "a b"), []string{"InstanceId pattern", "Retention between", "JobName pattern"}},
		"an unknown name":                         {with(instance, "Instanceid", "i-1"), []string{"Instanceid unknown"}},
		"retention at its bounds":                 {with(instance, "Retention", "364635"), nil},
		"retention above its bounds":              {with(instance, "Retention", "364636"), []string{"Retention between"}},
		"retention beyond 64 bits":                {with(instance, "Retention", "99999999999999999999"), []string{"Retention between"}},
		"retention with a sign":                   {with(instance, "Retention", "+7"), []string{"Retention integer"}},
		"retention with zeros before it":          {with(instance, "Retention", "007"), []string{"Retention integer"}},
		"retention with a fraction":               {with(instance, "Retention", "1.5"), []string{"Retention integer"}},
		"a vault for an instance":                 {with(instance, "VaultId", "v-1"), []string{"VaultId unused"}},
		"an instance for volumes":                 {with(volumes, "InstanceId", "i-1"), []string{"InstanceId unused"}},
		"a switch for another kind, switched on":  {with(files, "Detail.doCopy", "true"), []string{"Detail.doCopy unused"}},
		"a default for another kind says nothing": {with(files, "Detail.doCopy", "false", "InitiatedByAck", "false"), nil},
		"the vendor's sample says nothing more":   {with(instance, "Detail.enableWriters", "true", "Detail.enableFsFreeze", "true", "Detail.timeoutInSeconds", "60"), nil},
		"a time-out without consistency":          {with(instance, "Detail.timeoutInSeconds", "9999"), nil},
		"whole instances are complete":            {with(instance, "BackupType", "INCREMENTAL"), []string{"BackupType enum"}},
		"files may be incremental":                {with(files, "BackupType", "INCREMENTAL"), nil},
		"both scripts":                            {with(instance, scripts...), nil},
		"one script":                              {with(instance, append(scripts, "Detail.preScriptPath", "")...), []string{"Detail.preScriptPath required"}},
		"the other script":                        {with(instance, append(scripts, "Detail.postScriptPath", "")...), []string{"Detail.postScriptPath required"}},
		"scripts without consistency":             {with(instance, append(scripts, "Detail.appConsistent", "false")...), nil},
		"a script that is no full path":           {with(instance, append(scripts, "Detail.preScriptPath", "pre.sh")...), []string{"Detail.preScriptPath pattern"}},
		"Windows writers need no scripts":         {with(instance, "Detail.appConsistent", "true"), nil},
		"the freeze timeout":                      {with(instance, "Detail.appConsistent", "true", "Detail.timeoutInSeconds", "201"), []string{"Detail.timeoutInSeconds between"}},
		"a copy":                                  {with(instance, copied...), nil},
		"a copy without its region":               {with(instance, "Detail.doCopy", "true"), []string{"Detail.destinationRegionId required", "Detail.destinationRetention required"}},
		"the longest freeze timeout":              {with(instance, "Detail.appConsistent", "true", "Detail.timeoutInSeconds", "200"), nil},
		"a copy's days without a copy":            {with(instance, "Detail.destinationRetention", "9"), nil},
		"a copy's region, and the copy is off":    {with(instance, "Detail.doCopy", "false", "Detail.destinationRegionId", "cn-hangzhou"), nil},
		"a script beside a switch that is none":   {with(instance, "Detail.appConsistent", "yes", "Detail.preScriptPath", "/a"), []string{"Detail.appConsistent boolean", "Detail.preScriptPath unused"}},
		"a copy in the same region":               {with(instance, append(copied, "Detail.destinationRegionId", "cn-hangzhou")...), []string{"Detail.destinationRegionId same_region"}},
		"a copy in no region":                     {with(instance, append(copied, "Detail.destinationRegionId", "cn-atlantis")...), []string{"Detail.destinationRegionId enum"}},
		"a region that becomes another host":      {with(instance, "Region", "cn-hangzhou.evil.example"), []string{"Region pattern", "Region enum"}},
		"disks":                                   {with(instance, "Detail.diskIdList", `["d-1","d-2"]`), nil},
		"a disk twice":                            {with(instance, "Detail.diskIdList", `["d-1","d-1"]`), []string{"Detail.diskIdList line_again"}},
		"a disk that is none":                     {with(instance, "Detail.diskIdList", `["d-1","x","d-3"]`), []string{"Detail.diskIdList line"}},
		"one path with shadow copies":             {with(files, "Options.UseVSS", "true", "Include", `["C:\\a"]`), nil},
		"two paths with shadow copies":            {with(files, "Options.UseVSS", "true", "Include", `["C:\\a","C:\\b"]`), []string{"Options.UseVSS one_path"}},
		"no path with shadow copies":              {with(files, "Options.UseVSS", "true"), nil},
		"a wildcard with shadow copies":           {with(files, "Options.UseVSS", "true", "Include", `["C:\\a\\*.mdf"]`), []string{"Options.UseVSS vss_wildcard"}},
		"a question mark with shadow copies":      {with(files, "Options.UseVSS", "true", "Include", `["D:\\db?"]`), []string{"Options.UseVSS vss_wildcard"}},
		"a share with shadow copies":              {with(files, "Options.UseVSS", "true", "Include", `["\\\\nas\\share"]`), []string{"Options.UseVSS vss_network"}},
		"a share with other slashes":              {with(files, "Options.UseVSS", "true", "Include", `["//nas/share"]`), []string{"Options.UseVSS vss_network"}},
		"a share after blanks":                    {with(files, "Options.UseVSS", "true", "Include", `["  \\\\nas\\share"]`), []string{"Options.UseVSS vss_network"}},
		"a URL of a share":                        {with(files, "Options.UseVSS", "true", "Include", `["smb://nas/share"]`), []string{"Options.UseVSS vss_network"}},
		"two paths and a bar":                     {with(files, "Options.UseVSS", "true", "Include", `["C:\\a|D:/b"]`), []string{"Options.UseVSS one_path"}},
		"two paths and a blank":                   {with(files, "Options.UseVSS", "true", "Include", `["C:\\a D:\\b"]`), []string{"Options.UseVSS one_path"}},
		"a folder with blanks and brackets":       {with(files, "Options.UseVSS", "true", "Include", `["C:\\Program Files (x86)\\a, b; c [1]"]`), nil},
		"an export":                               {with(files, "Options.UseVSS", "true", "Include", `["nas:/export"]`), []string{"Options.UseVSS vss_network"}},
		"two paths in one item":                   {with(files, "Options.UseVSS", "true", "Include", `["C:\\a; D:\\b"]`), []string{"Options.UseVSS one_path"}},
		"a comma in a name":                       {with(files, "Options.UseVSS", "true", "Include", `["C:\\a,b"]`), nil},
		"an exclusion with shadow copies":         {with(files, "Options.UseVSS", "true", "Exclude", `["C:\\a\\tmp"]`), []string{"Options.UseVSS vss_exclude"}},
		"wildcards without shadow copies":         {with(files, "Options.UseVSS", "false", "Include", `["\\\\nas\\*"]`, "Exclude", `["*.tmp"]`), nil},
		"a masked cluster of the vendor's page":   {with(volumes, "ClusterId", "cl-00068btz******oku"), nil},
		"paths of 255 characters":                 {with(files, "Include", `["`+strings.Repeat("漢", 251)+`"]`), nil},
		"paths of 256 characters":                 {with(files, "Include", `["`+strings.Repeat("漢", 252)+`"]`), []string{"Include length"}},
		"a path with a line break":                {with(files, "Exclude", `["/a\n/b"]`), []string{"Exclude line"}},
		"an empty path":                           {with(files, "Exclude", `["/a",""]`), []string{"Exclude line"}},
		"volumes that are no JSON":                {with(volumes, "ContainerResources", `[{]`), []string{"ContainerResources type"}},
		"volumes that are no list":                {with(volumes, "ContainerResources", `{}`), []string{"ContainerResources type"}},
		"volumes that are no objects":             {with(volumes, "ContainerResources", `[1]`), []string{"ContainerResources type"}},
		"volumes with text behind":                {with(volumes, "ContainerResources", `[{}] []`), []string{"ContainerResources type"}},
		"no volume":                               {with(volumes, "ContainerResources", `[]`), []string{"ContainerResources required"}},
		"an empty volume":                         {with(volumes, "ContainerResources", `[{}]`), []string{"ContainerResources type"}},
		"a volume's key that is no text":          {with(volumes, "ContainerResources", `[{"resourceType":5,"host":"h"}]`), []string{"ContainerResources type"}},
		"a volume's key twice":                    {with(volumes, "ContainerResources", `[{"host":"a","host":"b"}]`), []string{"ContainerResources twice"}},
		"volumes that are nested deeply":          {with(volumes, "ContainerResources", `[`+strings.Repeat(`{"a":`, 40)+`1`+strings.Repeat(`}`, 40)+`]`), []string{"ContainerResources type"}},
		"a volume's info as an object":            {with(volumes, "ContainerResources", `[{"resourceInfo":{}}]`), []string{"ContainerResources resource_info"}},
		"a volume's info as broken text":          {with(volumes, "ContainerResources", `[{"host":"h"},{"resourceInfo":"{"}]`), []string{"ContainerResources resource_info"}},
		"another account, whole":                  {with(instance, "CrossAccountType", "CROSS_ACCOUNT", "CrossAccountUserId", "9007199254740993", "CrossAccountRoleName", "r"), nil},
		"another account without its parts":       {with(instance, "CrossAccountType", "CROSS_ACCOUNT"), []string{"CrossAccountUserId required", "CrossAccountRoleName required"}},
		"parts of another account alone":          {with(instance, "CrossAccountUserId", "1589750000004625"), []string{"CrossAccountUserId unused"}},
		"a speed limit":                           {with(files, "SpeedLimit", "9:18:20480|18:22:NaN"), nil},
		"a speed limit for an instance":           {with(instance, "SpeedLimit", "0:24:NaN"), []string{"SpeedLimit unused"}},
		"windows that overlap":                    {with(files, "SpeedLimit", "9:18:1|17:20:1"), []string{"SpeedLimit window_overlap"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, codes(c.p.Validate())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMistakeSentences(t *testing.T) {
	p := with(files, "InstanceId", "", "Retention", "364636", "Include", `["`+strings.Repeat("x", 9996)+`"]`)
	bad, _ := errors.AsType[InvalidError](p.Validate())
	var got []string
	for _, m := range bad {
		got = append(got, m.In(English), m.In(Chinese))
	}
	want := []string{
		"Enter the instance ID", "请输入实例 ID",
		"Paths to back up must be 255 characters or fewer as a JSON list; the list has 10,000", "要备份的路径写成 JSON 列表后不能超过 255 个字符，当前为 10,000 个",
		"The number of days to keep the backup must be between 1 and 364,635", "备份保留天数必须在 1 到 364,635 之间",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParameters(t *testing.T) {
	detail := `{"diskIdList":["d-1"],"snapshotGroup":false,"appConsistent":false,"preScriptPath":"","postScriptPath":"",` +
		`"enableFsFreeze":true,"timeoutInSeconds":30,"enableWriters":true,"doCopy":false,"destinationRegionId":"","destinationRetention":null}`
	for name, c := range map[string]struct {
		p    Params
		want []Parameter
	}{
		"an instance": {with(instance, "Detail.diskIdList", `["d-1"]`, "JobName", "n"), []Parameter{
			{"SourceType", "UDM_ECS"}, {"CrossAccountType", "SELF_ACCOUNT"}, {"InstanceId", "i-bp1"}, {"Detail", detail},
			{"BackupType", "COMPLETE"}, {"Retention", "7"}, {"JobName", "n"}}},
		"files": {with(files, "Include", `["/a & b"]`, "SpeedLimit", "0:24:NaN"), []Parameter{
			{"SourceType", "ECS_FILE"}, {"CrossAccountType", "SELF_ACCOUNT"}, {"InstanceId", "i-bp1"}, {"VaultId", "v-1"},
			{"Include", `["/a & b"]`}, {"BackupType", "COMPLETE"}, {"Options", `{"UseVSS":false}`}, {"SpeedLimit", "0:24:NaN"}, {"Retention", "7"}}},
		"volumes": {with(volumes, "ClusterId", "cl-1"), []Parameter{
			{"SourceType", "CONTAINER"}, {"CrossAccountType", "SELF_ACCOUNT"}, {"ContainerClusterId", "cc-1"}, {"VaultId", "v-1"},
			{"ContainerResources", `[{"resourceType":"PV"}]`}, {"BackupType", "COMPLETE"}, {"Retention", "7"}, {"ClusterId", "cl-1"}, {"InitiatedByAck", "false"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, c.p.Parameters()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
