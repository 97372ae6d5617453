package checks

import (
	"strings"
	"testing"
	"time"
)

// TestCandidatesInForm proves that the form suggests instances while a person types an id. If
// the cloud is slow or returns no list, the form says so and accepts the typed value.
func TestCandidatesInForm(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	own := ownPortal(t)
	b := newTab(t)
	b.portal = own
	b.fine = append(b.fine, "status of 502")

	// form opens the form and types text into a field. It checks that the field then contains
	// the text, and logs how long that took.
	form := func(path, field, text string) {
		t.Helper()
		begin := time.Now()
		b.open(path)
		b.give(field, text)
		if got := b.value(field); got != text {
			t.Errorf("%s: %s has %q, want %q", path, field, got, text)
		}
		t.Logf("%s took what was typed after %v", path, time.Since(begin).Round(time.Millisecond))
	}
	offered := func(field string) string {
		return `[...document.querySelectorAll("#f-` + field + `-list:not([hidden]) [role=option]")].map(o => o.dataset.value).join()`
	}

	form("/backups/new/UDM_ECS?Account=demo&Region=cn-hangzhou", "InstanceId", "web")
	b.wait(offered("InstanceId")+` === "i-bp1demoweb01,i-bp1demoweb02"`, soon)
	b.picture("combobox")
	b.open("/backups/new/ECS_FILE?Account=demo&Region=cn-hangzhou")
	const vaults = `[...document.querySelectorAll("[name=VaultId]")].map(e => e.value).join()`
	if got := get[string](b, vaults); got != "v-0001demovault01,v-0001demovault02," {
		t.Errorf("the vaults are %s", got)
	}

	// The vaults follow the region. What is typed meanwhile stays.
	own.faults(t, "DescribeVaults: latency 1s")
	b.open("/backups/new/ECS_FILE?Account=demo")
	get[bool](b, `new Promise(done => {
		const region = document.getElementsByName("Region")[0];
		region.value = "cn-shanghai";
		region.dispatchEvent(new Event("change", {bubbles: true}));
		setTimeout(() => done(document.getElementsByName("VaultId")[0].value = "v-typed"), 50);
	}).then(() => true)`)
	b.wait(vaults+` === "v-0001demovault03,"`, soon)
	if got := b.value("find.VaultId"); got != "v-typed" || b.value("VaultId") != "" {
		t.Errorf("the typed vault is %q, and %q is chosen", got, b.value("VaultId"))
	}

	own.faults(t, "DescribeInstances: latency 5s forever")
	form("/backups/new/UDM_ECS?Account=payments&Region=cn-shanghai", "InstanceId", "i-uf6demopay03")
	if got := get[string](b, offered("InstanceId")); got != "" {
		t.Errorf("the list, which takes 5 s, was there before the typing ended: %s", got)
	}
	b.turned(func() { b.click(`.actions button[value="check"]`) })
	if got := b.path(); !strings.HasSuffix(got, "/check") || !b.shows("button[data-once]") {
		t.Errorf("without the list the form does not go on: %s", got)
	}
	own.faults(t, "DescribeInstances: refuse 403 Forbidden.RAM forever")
	form("/backups/new/UDM_ECS?Account=payments&Region=cn-hangzhou", "InstanceId", "pay")
	b.wait(`document.querySelector("#f-InstanceId-note").textContent.includes("Enter the ID")`, soon)
	b.picture("no-list")
}
