package web_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"html"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"backupportal/function/emulator/fault"
	emulated "backupportal/function/emulator/world"
)

// Valid forms that the cases of this file change. Each of them can be started with the demo
// accounts.
var startable = map[string]url.Values{
	"UDM_ECS": {
		"SourceType": {"UDM_ECS"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"},
		"Retention": {"30"}, "choice.Detail.diskIdList": {"all"}, "choice.Detail.appConsistent": {"crash"},
	},
	"ECS_FILE": {
		"SourceType": {"ECS_FILE"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"},
		"VaultId": {"v-0001demovault01"}, "Retention": {"30"}, "choice.SpeedLimit": {"none"}, "BackupType": {"COMPLETE"},
	},
	"CONTAINER": {
		"SourceType": {"CONTAINER"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}, "ContainerClusterId": {"cc-0001democluster"},
		"VaultId": {"v-0001demovault02"}, "Retention": {"30"}, "BackupType": {"COMPLETE"}, "choice.ContainerResources": {"rows"},
		"ContainerResources.0.resourceId": {"674dac6d-74cd-47e9-a675-09e2f10d2c45"},
	},
}

// A foreseen is a test case for one refusal of CreateBackupJob that a form can cause. Exactly
// one of check, field and never is set; it says where the portal warns of it, or why it cannot.
type foreseen struct {
	form   string            // source type
	change map[string]string // changes the values of the form; an empty value removes a control
	world  func(*emulated.World)

	check string // the finding of the check page that names it: id and kind
	code  string // error code of the cloud, if the backup is started in spite of the finding

	field string // the form itself refuses: the control with the error

	never string // why no form can meet it, or why it cannot be known beforehand
}

// disk returns a change of a disk of the instance web01.
func disk(change func(*emulated.Instance)) func(*emulated.World) {
	return func(w *emulated.World) { change(&w.Accounts[0].Instances[0]) }
}

// refusalCases lists all refusals of the emulator's CreateBackupJob, by the function that
// returns them and the constant part of their text.
var refusalCases = map[string]foreseen{
	// Named by the check page.
	"findInstance NotFound InstanceId":                                                                  {form: "UDM_ECS", change: map[string]string{"InstanceId": "i-bp1nothere"}, check: "instance change", code: "ResourceNotFound"},
	"findFiles NotFound InstanceId":                                                                     {form: "ECS_FILE", change: map[string]string{"InstanceId": "i-bp1nothere"}, check: "instance change", code: "ResourceNotFound"},
	"findInstance NotFound Detail.diskIdList":                                                           {form: "UDM_ECS", change: map[string]string{"choice.Detail.diskIdList": "some", "Detail.diskIdList": "d-bp1demodb01a"}, check: "disks change", code: "ResourceNotFound"},
	"findVault Refuse VaultNotExist: the vault %q does not exist in %s":                                 {form: "ECS_FILE", change: map[string]string{"VaultId": "v-0001demovault03"}, check: "vault change", code: "VaultNotExist"},
	"findVault Invalid VaultId: the vault %q is the mirror of another, and takes no backups":            {form: "ECS_FILE", change: map[string]string{"Region": "cn-shanghai", "InstanceId": "i-uf6demoweb03", "VaultId": "v-0001demovault04"}, check: "vault change", code: "InvalidParameter"},
	"findVolumes NotFound ContainerClusterId":                                                           {form: "CONTAINER", change: map[string]string{"ContainerClusterId": "cc-0001nothere"}, check: "cluster change", code: "ResourceNotFound"},
	"findVolumes NotFound ContainerResources.resourceId":                                                {form: "CONTAINER", change: map[string]string{"ContainerResources.0.resourceId": "674dac6d-0000"}, check: "volumes change", code: "ResourceNotFound"},
	"checkSnapshotGroup Invalid Detail: snapshotGroup needs all disks of the instance to be ESSD":       {form: "UDM_ECS", change: map[string]string{"InstanceId": "i-bp1demoweb02", "Detail.snapshotGroup": "true"}, check: "disks change", code: "InvalidParameter"},
	"checkSnapshotGroup Invalid Detail: snapshotGroup: disk %s is multi-attach or not in use":           {form: "UDM_ECS", change: map[string]string{"Detail.snapshotGroup": "true"}, world: disk(func(i *emulated.Instance) { i.Disks[1].MultiAttach = true }), check: "disks change", code: "InvalidParameter"},
	"checkSnapshotGroup Invalid Detail: snapshotGroup needs the instance to be Running or Stopped":      {form: "UDM_ECS", change: map[string]string{"Detail.snapshotGroup": "true"}, world: disk(func(i *emulated.Instance) { i.Status = "Starting" }), check: "disks change", code: "InvalidParameter"},
	"checkSnapshotGroup Invalid Detail: snapshotGroup takes at most 16 disks and 32 TiB":                {form: "UDM_ECS", change: map[string]string{"Detail.snapshotGroup": "true"}, world: disk(func(i *emulated.Instance) { i.Disks[1].GiB = 32 << 10 }), check: "disks change", code: "InvalidParameter"},
	"noCrossBackupRole Refuse CrossAccountBackupSlrNotExist: the service-linked role %s does not exist": {form: "UDM_ECS", change: map[string]string{"Account": "payments-central", "InstanceId": "i-bp2demopay01"}, world: func(w *emulated.World) { w.Accounts[0].ServiceLinkedRoles = w.Accounts[0].ServiceLinkedRoles[:1] }, check: "roles change", code: "CrossAccountBackupSlrNotExist"},
	"assumeRoleFail Refuse AssumeRoleFail: the role %s of account %s cannot be assumed":                 {form: "UDM_ECS", change: map[string]string{"Account": "payments-central", "InstanceId": "i-bp2demopay01"}, world: func(w *emulated.World) { w.Accounts[0].CrossAccounts = nil }, check: "roles change", code: "AssumeRoleFail"},
	"needLinkedRole NoPermission ": {form: "UDM_ECS", world: func(w *emulated.World) {
		a := &w.Accounts[0]
		a.ServiceLinkedRoles = a.ServiceLinkedRoles[1:]
		a.Users[0].Permissions = slices.Delete(a.Users[0].Permissions, 1, 2) // ram:CreateServiceLinkedRole
	}, check: "roles warning", code: "NoPermission"},

	// Refused by the form itself, with an error at one control.
	"findFiles Invalid Options: UseVSS is for Windows instances only":                    {form: "ECS_FILE", change: map[string]string{"Options.UseVSS": "true", "Include": "/srv"}, field: "Options.UseVSS"},
	"checkShadowCopy Invalid Options: UseVSS allows neither network paths nor wildcards": {form: "ECS_FILE", change: map[string]string{"InstanceId": "i-bp1demowin01", "Options.UseVSS": "true", "Include": `\\server\share`}, field: "Options.UseVSS"},
	"checkShadowCopy Invalid Options: UseVSS allows one path in Include and no Exclude":  {form: "ECS_FILE", change: map[string]string{"InstanceId": "i-bp1demowin01", "Options.UseVSS": "true", "Include": "C:\\a\nC:\\b"}, field: "Options.UseVSS"},
	"checkCommon Missing ":                                                                 {form: "ECS_FILE", change: map[string]string{"VaultId": ""}, field: "VaultId"},
	"checkCommon Invalid %q is not of the form %s…":                                        {form: "UDM_ECS", change: map[string]string{"InstanceId": "web01 or web02"}, field: "InstanceId"},
	"checkCommon CheckOneOf BackupType":                                                    {form: "ECS_FILE", change: map[string]string{"BackupType": "WEEKLY"}, field: "BackupType"},
	"checkContainerOrder CheckOneOf InitiatedByAck":                                        {form: "CONTAINER", change: map[string]string{"InitiatedByAck": "maybe"}, field: "InitiatedByAck"},
	"checkRetention Invalid Retention: %q is not a number of days from 1 to %d":            {form: "UDM_ECS", change: map[string]string{"Retention": "0"}, field: "Retention"},
	"checkDiskList Invalid Detail: diskIdList: %q is not of the form d-…":                  {form: "UDM_ECS", change: map[string]string{"choice.Detail.diskIdList": "some", "Detail.diskIdList": "vda"}, field: "Detail.diskIdList"},
	"checkDiskList Invalid Detail: diskIdList: %q stands twice":                            {form: "UDM_ECS", change: map[string]string{"choice.Detail.diskIdList": "some", "Detail.diskIdList": "d-bp1demoweb01a\nd-bp1demoweb01a"}, field: "Detail.diskIdList"},
	"checkInstanceOrder Invalid Detail: destinationRegionId is needed with doCopy":         {form: "UDM_ECS", change: map[string]string{"Detail.doCopy": "true", "Detail.destinationRetention": "30"}, field: "Detail.destinationRegionId"},
	"checkInstanceOrder Invalid Detail: destinationRegionId is the region of the instance": {form: "UDM_ECS", change: map[string]string{"Detail.doCopy": "true", "Detail.destinationRetention": "30", "Detail.destinationRegionId": "cn-hangzhou"}, field: "Detail.destinationRegionId"},
	"checkConsistency Invalid Detail: the script path %q is not absolute":                  {form: "UDM_ECS", change: map[string]string{"choice.Detail.appConsistent": "scripts", "Detail.preScriptPath": "pre.sh", "Detail.postScriptPath": "/opt/backup/post.sh"}, field: "Detail.preScriptPath"},
	"parseDetail Invalid Detail: key %q has the wrong type or value":                       {form: "UDM_ECS", change: map[string]string{"Detail.doCopy": "true", "Detail.destinationRegionId": "cn-shanghai", "Detail.destinationRetention": "0"}, field: "Detail.destinationRetention"},
	"parseDetail Invalid Detail: timeoutInSeconds is at least 1":                           {form: "UDM_ECS", change: map[string]string{"choice.Detail.appConsistent": "scripts", "Detail.preScriptPath": "/opt/backup/pre.sh", "Detail.postScriptPath": "/opt/backup/post.sh", "Detail.timeoutInSeconds": "0"}, field: "Detail.timeoutInSeconds"},
	"parsePaths Invalid it has more than 8 entries":                                        {form: "ECS_FILE", change: map[string]string{"Include": strings.Repeat("/a\n", 9)}, field: "Include"},
	"parsePaths Invalid it is longer than 255 characters":                                  {form: "ECS_FILE", change: map[string]string{"Exclude": "/" + strings.Repeat("x", 255)}, field: "Exclude"},
	"checkSpeedLimit Invalid SpeedLimit: %q is not of the form start:end:bandwidth":        {form: "ECS_FILE", change: map[string]string{"choice.SpeedLimit": "hours", "SpeedLimit.0.start": "9", "SpeedLimit.0.end": "18", "SpeedLimit.0.bandwidth": "fast", "SpeedLimit.0.unit": "MB"}, field: "SpeedLimit.0.bandwidth"},
	"checkSpeedLimit Invalid SpeedLimit: %q overlaps another range": {form: "ECS_FILE", change: map[string]string{
		"choice.SpeedLimit": "hours", "SpeedLimit.0.start": "9", "SpeedLimit.0.end": "18", "SpeedLimit.0.bandwidth": "1", "SpeedLimit.0.unit": "MB",
		"SpeedLimit.1.start": "17", "SpeedLimit.1.end": "20", "SpeedLimit.1.bandwidth": "1", "SpeedLimit.1.unit": "MB",
	}, field: "SpeedLimit"},
	"parseResource Invalid ContainerResources: resourceId is missing":                          {form: "CONTAINER", change: map[string]string{"ContainerResources.0.resourceId": "", "ContainerResources.0.namespace": "database"}, field: "ContainerResources.0.resourceId"},
	"parseResource Invalid ContainerResources: an element is wrong: %v":                        pasted(`["674dac6d"]`),
	"parseResource Invalid ContainerResources: backupMethod is FILE":                           strange(`[{"resourceType":"PV","backupMethod":"SNAPSHOT","resourceId":"674dac6d-74cd-47e9-a675-09e2f10d2c45"}]`),
	"parseResource Invalid ContainerResources: key %q is not known, or not a text":             doubtful(`[{"resourceType":"PV","backupMethod":"FILE","resourceId":"674dac6d-74cd-47e9-a675-09e2f10d2c45","path":"/"}]`),
	"parseResource Invalid ContainerResources: resourceInfo: %v":                               pasted(`[{"resourceType":"PV","backupMethod":"FILE","resourceId":"674dac6d","resourceInfo":"none"}]`),
	"parseResource Invalid ContainerResources: resourceType is PV":                             strange(`[{"resourceType":"PVC","backupMethod":"FILE","resourceId":"674dac6d-74cd-47e9-a675-09e2f10d2c45"}]`),
	"parseResources Invalid ContainerResources: it is not a json array of at least one object": pasted(`{}`),

	// Never met by a form.
	"checkCommon Missing SourceType":                                                                             {never: "the address of a form says its source type"},
	"checkCommon Invalid SourceType: %q is not UDM_ECS, ECS_FILE or CONTAINER":                                   {never: "the address of a form says its source type"},
	"checkCommon Invalid not supported with SourceType %s":                                                       {never: "the portal sends only the parameters of the source type"},
	"checkInstanceOrder Invalid Detail: destinationRegionId and destinationRetention are valid only with doCopy": {never: "the form leaves out what is hidden"},
	"parseDetail Invalid Detail: %v":                                                                             {never: "the portal writes this JSON itself"},
	"parseDetail Invalid Detail: key %q is not known":                                                            {never: "the portal writes this JSON itself"},
	"parsePaths Invalid it has an empty entry":                                                                   {never: "the portal leaves out empty lines"},
	"parsePaths Invalid it is not a json array of texts":                                                         {never: "the portal writes this JSON itself"},
	"parseUseVSS Invalid Options: %v":                                                                            {never: "the portal writes this JSON itself"},
	"parseUseVSS Invalid Options: it has the one key UseVSS, true or false":                                      {never: "the portal writes this JSON itself"},
	"checkCrossAccount CheckOneOf CrossAccountType":                                                              {never: "the policy gives these values, and its form is checked at the start"},
	"checkCrossAccount Invalid CrossAccountRoleName: %q is not the name of a role":                               {never: "the policy gives these values, and its form is checked at the start"},
	"checkCrossAccount Invalid CrossAccountUserId: %q is not an account id of 16 digits":                         {never: "the policy gives these values, and its form is checked at the start"},
	"checkCrossAccount Invalid CrossAccountType: CrossAccountUserId and CrossAccountRoleName need CROSS_ACCOUNT": {never: "the policy gives these values, and its form is checked at the start"},
	"checkCrossAccount Missing CrossAccountRoleName":                                                             {never: "the policy gives these values, and its form is checked at the start"},
	"checkCrossAccount Missing CrossAccountUserId":                                                               {never: "the policy gives these values, and its form is checked at the start"},
	"checkJobName Invalid JobName: at most %d characters, none of them a control character":                      {never: "the portal makes a name from a form fit"},
	"checkJobName Invalid JobName: %v":                                                                           {never: "a marker for the emulator; the real cloud has none"},

	// Cannot be known beforehand.
	"CreateBackupJob Invalid Detail: destinationRegionId: the region %q does not exist": {never: "the portal knows the regions that the vendor documents; it may not ask for the regions that are open now (hbr:DescribeRegions is no permission of its role)"},
	"findVolumes NotFound ClusterId": {never: "the list of clusters (DescribeContainerCluster) has the ids cc-…, and no call says which cl-… belongs to one"},
}

// pasted returns the case of a pasted ContainerResources that the form refuses.
func pasted(text string) foreseen {
	return foreseen{form: "CONTAINER", change: map[string]string{
		"choice.ContainerResources": "json", "ContainerResources": text, "ContainerResources.0.resourceId": "",
	}, field: "ContainerResources"}
}

// strange returns the case of a pasted ContainerResources that the form accepts and the check
// page refuses.
func strange(text string) foreseen {
	c := pasted(text)
	c.field, c.check, c.code = "", "volumes change", "InvalidParameter"
	return c
}

// doubtful returns the case of a pasted ContainerResources that the check page warns of.
func doubtful(text string) foreseen {
	c := strange(text)
	c.check = "volumes warning"
	return c
}

// beforehand says for each error code of the emulator's gateway and of AssumeRole how the
// portal knows it before the start, or why no form can cause it.
var beforehand = map[string]string{
	"IncompleteSignature":     own,
	"InvalidSignatureMethod":  own,
	"InvalidTimeStamp.Format": own,
	"SignatureNonceUsed":      own,

	"FunctionNotFound":                           "of InvokeFunction, which no person waits for: the log names it",
	"InvalidArgument":                            "as FunctionNotFound",
	"StatefulAsyncInvocationAlreadyExists":       "as FunctionNotFound",
	"InvalidParameter":                           own,
	"InvalidApi.NotFound":                        own,
	"InvalidVersion":                             own,
	"UnsupportedHTTPMethod":                      own,
	"RequestEntityTooLarge":                      own,
	"InvalidProtocol.NeedSsl":                    own,
	"SignatureDoesNotMatch":                      everyCall,
	"InvalidAccessKeyId.NotFound":                everyCall,
	"MissingSecurityToken":                       everyCall,
	"InvalidSecurityToken.Malformed":             everyCall,
	"InvalidSecurityToken.Expired":               everyCall,
	"InvalidSecurityToken.MismatchWithAccessKey": everyCall,
	"InvalidTimeStamp.Expired":                   everyCall,
	"InvalidRegion.NotFound":                     everyCall,
	"EntityNotExist.Role":                        everyCall,
	"NoPermission":                               everyCall,
}

// moments are faults of the emulator that no check can know beforehand: they change single
// answers and say nothing about the next call. A refusal (refuse, success-false) is explained
// on the page of the submission. After the others, the portal finds out itself whether there is
// a job.
var moments = []string{
	"ok", "latency", "html", "empty", "redirect", "drop", "reset", "hang",
	"500", "503", "refuse", "success-false", "numeric-code", "expired", "signature-echo", "nonce-used",
	"throttle", "throttle-headers", "throttle-429", "throttle-rejected",
	"truncate", "bad-json", "oversized", "numeric-success", "no-job-id",
	"lag", "duplicate-page", "shift", "total",
}

const (
	own       = "a mistake in the portal's own request, which no form can cause"
	everyCall = "every call of the checks has the same refusal, so the check page names it; TestCheckPageNamesRefusalsOfAccounts"
)

// refusalSites returns the refusals in the package of a folder that the function from can reach.
func refusalSites(t *testing.T, dir, from string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no files in %s (%v)", dir, err)
	}
	declared := map[string]ast.Node{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || filepath.Base(name) == "filters.go" { // filters of listings, with a method of the same name
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				declared[d.Name.Name] = d
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok {
						declared[v.Names[0].Name] = v
					}
				}
			}
		}
	}
	makers := []string{"Refuse", "Invalid", "Missing", "NotFound", "NoPermission", "CheckOneOf"}
	seen, sites := map[string]bool{}, map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if declared[name] == nil || seen[name] {
			return
		}
		seen[name] = true
		ast.Inspect(declared[name], func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				visit(id.Name)
			}
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains(makers, f.Sel.Name) {
				return true
			}
			if x, ok := f.X.(*ast.Ident); !ok || x.Name != "rpc" {
				return true
			}
			var texts []string
			for _, a := range call.Args {
				if text, ok := a.(*ast.BasicLit); ok && text.Kind == token.STRING && (texts == nil || f.Sel.Name != "CheckOneOf") {
					plain, err := strconv.Unquote(text.Value)
					if err != nil {
						t.Fatal(err)
					}
					texts = append(texts, plain)
				}
			}
			sites[name+" "+f.Sel.Name+" "+strings.Join(texts, ": ")] = true
			return true
		})
	}
	visit(from)
	return slices.Sorted(maps.Keys(sites))
}

// TestEveryRefusalIsNamedBeforeTheStart proves that every refusal of the emulator's
// CreateBackupJob that a form can cause is reported before the start, or is listed with the
// reason why it cannot be. It reads the emulator's source, so the list is complete.
func TestEveryRefusalIsNamedBeforeTheStart(t *testing.T) {
	t.Parallel()
	sites := refusalSites(t, "../function/emulator/hbr", "CreateBackupJob")
	for _, site := range sites {
		if _, ok := refusalCases[site]; !ok {
			t.Errorf("a refusal without a case: %q", site)
		}
	}
	for _, site := range slices.Sorted(maps.Keys(refusalCases)) {
		if !slices.Contains(sites, site) {
			t.Errorf("the emulator has no refusal %q", site)
		}
		c := refusalCases[site]
		if c.never != "" {
			continue
		}
		t.Run(site, func(t *testing.T) { c.run(t, site) })
	}
}

// run shows the check page for the case, and then starts the backup although the page warns.
func (c foreseen) run(t *testing.T, site string) {
	change := c.world
	if change == nil {
		change = func(*emulated.World) {}
	}
	w := newWorldIn(t, change)
	form := maps.Clone(startable[c.form])
	for name, value := range c.change {
		if form.Set(name, value); value == "" {
			form.Del(name)
		}
	}
	form.Set("op", "check")
	page := w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", form.Encode())
	doc, err := goquery.NewDocumentFromReader(page.Body)
	if err != nil {
		t.Fatal(err)
	}
	if c.field != "" {
		id := "f-" + strings.ReplaceAll(c.field, ".", "-")
		if doc.Find(`.summary a[href^="#`+id+`"]`).Length() == 0 || page.Code < 400 {
			t.Errorf("the form does not name %s: %d %s", c.field, page.Code, doc.Find(".summary").Text())
		}
		return
	}
	id, kind, _ := strings.Cut(c.check, " ")
	if doc.Find(`li[data-check="`+id+`"][data-kind="`+kind+`"]`).Length() == 0 || page.Code != http.StatusOK {
		t.Fatalf("the check page does not name it: %d %s", page.Code, strings.Join(strings.Fields(doc.Find(".finds, .summary").Text()), " "))
	}
	starts := doc.Find(`main [formaction="/backups"]`).Length()
	if kind == "change" && (starts != 0 || doc.Find(".start .filled[value^='edit:']").Length() != 1) || kind == "warning" && starts != 2 {
		t.Errorf("the page of a %s has %d Start buttons: %s", kind, starts, doc.Find(".start").Text())
	}
	form.Set("key", "KEY")
	form.Del("op")
	answer := w.ask("POST", "/backups", "application/x-www-form-urlencoded", form.Encode())
	calls := w.cloud.Ledger().Calls
	if last := calls[len(calls)-1]; last.Action != "CreateBackupJob" || last.Code != c.code {
		t.Errorf("the backup was not refused with %s: %s %q", c.code, last.Action, last.Code)
	}
	status := w.ask("GET", answer.Header().Get("Location"), "", "")
	if said := html.UnescapeString(status.Body.String()); !strings.Contains(said, longestConstant(site)) {
		t.Errorf("the refusal was another one than %q", site)
	}
}

// longestConstant returns the longest part of a refusal's text that contains no verb of package fmt.
func longestConstant(site string) (longest string) {
	maker, text, _ := strings.Cut(site[strings.Index(site, " ")+1:], " ")
	switch maker {
	case "NotFound":
		return text
	case "NoPermission":
		return "You are not authorized to do this action"
	}
	for _, part := range regexp.MustCompile(`%.|: `).Split(text, -1) {
		if len(part) > len(longest) {
			longest = part
		}
	}
	return longest
}

// TestCheckPageNamesRefusalsOfAccounts proves that the check page also reports a refusal that
// concerns a whole account: the access key, the role or the region. It cannot know that only
// CreateBackupJob is not permitted, because only a call of it shows that.
func TestCheckPageNamesRefusalsOfAccounts(t *testing.T) {
	for name, c := range map[string]foreseen{
		"access key":            {world: func(w *emulated.World) { w.Accounts[0].Users[0].AccessKeys[0].ID = "another-key" }, code: "InvalidAccessKeyId.NotFound"},
		"secret":                {world: func(w *emulated.World) { w.Accounts[0].Users[0].AccessKeys[0].Secret = "another" }, code: "SignatureDoesNotMatch"},
		"a role without trust":  {change: map[string]string{"Account": "locked", "InstanceId": "i-bp2demopay01"}, code: "NoPermission"},
		"a role that is gone":   {change: map[string]string{"Account": "payments", "InstanceId": "i-bp2demopay01"}, world: func(w *emulated.World) { w.Accounts[1].Roles[0].Name = "other" }, code: "EntityNotExist.Role"},
		"a region that is gone": {change: map[string]string{"Region": "cn-shanghai"}, world: withoutShanghai, code: "InvalidRegion.NotFound"},
	} {
		t.Run(name, func(t *testing.T) {
			change := c.world
			if change == nil {
				change = func(*emulated.World) {}
			}
			w := newWorldIn(t, change)
			form := maps.Clone(startable["UDM_ECS"])
			for name, value := range c.change {
				form.Set(name, value)
			}
			page := w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", form.Encode())
			doc, err := goquery.NewDocumentFromReader(page.Body)
			if err != nil {
				t.Fatal(err)
			}
			if doc.Find(`li[data-check="permission"][data-kind="change"]`).Length() != 1 || doc.Find(`main [formaction="/backups"]`).Length() != 0 {
				t.Errorf("the check page does not name it: %s", strings.Join(strings.Fields(doc.Find(".finds").Text()), " "))
			}
			codes := map[string]bool{}
			for _, call := range w.cloud.Ledger().Calls {
				codes[call.Code] = true
			}
			if !codes[c.code] {
				t.Errorf("no call was refused with %s: %v", c.code, codes)
			}
		})
	}
}

// withoutShanghai removes the region cn-shanghai with its resources.
func withoutShanghai(w *emulated.World) {
	w.Regions = []string{"cn-hangzhou"}
	for i := range w.Accounts {
		a := &w.Accounts[i]
		a.Instances = slices.DeleteFunc(a.Instances, func(x emulated.Instance) bool { return x.Region == "cn-shanghai" })
		a.Vaults = slices.DeleteFunc(a.Vaults, func(x emulated.Vault) bool { return x.Region == "cn-shanghai" })
	}
}

// TestListOfRefusalsOfTheGateway proves that the lists of this file are complete: they have
// every error code of the emulator's gateway and of AssumeRole, and every fault.
func TestListOfRefusalsOfTheGateway(t *testing.T) {
	codes := map[string]bool{}
	for _, site := range slices.Concat(
		refusalSites(t, "../function/emulator", "ServeHTTP"), refusalSites(t, "../function/emulator/sts", "AssumeRole"),
	) {
		maker, text, _ := strings.Cut(site[strings.Index(site, " ")+1:], " ")
		code, _, _ := strings.Cut(text, ":")
		switch maker {
		case "Refuse":
			if code != "%s" { // InvalidParameter and the name of a parameter
				codes[code] = true
			}
		case "Invalid", "CheckOneOf":
			codes["InvalidParameter"] = true
		case "NoPermission":
			codes["NoPermission"] = true
		}
	}
	if len(codes) < 10 {
		t.Fatalf("the walk found only %v", codes)
	}
	for code := range codes {
		if beforehand[code] == "" {
			t.Errorf("%s has no reason", code)
		}
	}
	for _, kind := range fault.Kinds {
		if !slices.Contains(moments, kind.Name) {
			t.Errorf("the fault %s is in no list", kind.Name)
		}
	}
}
