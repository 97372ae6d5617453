package terraform_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/terraform"
)

// object is a JSON object.
type object = map[string]any

// list is a JSON list.
type list = []any

// text returns v as JSON.
func text(t testing.TB, v any) []byte {
	t.Helper()
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// changed returns an element of resource_changes. actions are separated by commas; before has the
// attributes before the change.
func changed(address, kind, actions string, before any) object {
	return object{
		"address": address, "mode": "managed", "type": kind, "name": "x", "provider_name": "registry.terraform.io/aliyun/alicloud",
		"change": object{"actions": strings.Split(actions, ","), "before": before, "after": nil, "before_sensitive": object{}},
	}
}

// planned returns a Terraform plan with the given elements of resource_changes.
func planned(changes ...any) object {
	return object{"format_version": "1.2", "terraform_version": "1.9.8", "planned_values": object{"root_module": object{}}, "resource_changes": changes}
}

// TestInstancesOfAPlan proves that Read finds the instances that a Terraform plan changes or
// destroys: in all modules, and also through resources that belong to an instance, such as
// disks.
func TestInstancesOfAPlan(t *testing.T) {
	plan := planned(
		changed("alicloud_instance.web[0]", "alicloud_instance", "update", object{"id": "i-web0", "availability_zone": "cn-hangzhou-i"}),
		changed("module.a.module.b[\"x\"].alicloud_instance.db", "alicloud_instance", "delete,create", object{"id": "i-db", "availability_zone": "ap-southeast-1a"}),
		changed("alicloud_instance.gone", "alicloud_instance", "delete", object{"id": "i-gone", "availability_zone": "cn-shanghai-b"}),
		changed("alicloud_instance.swapped", "alicloud_instance", "create,delete", object{"id": "i-swapped"}),
		changed("alicloud_instance.new", "alicloud_instance", "create", nil),
		changed("alicloud_instance.same", "alicloud_instance", "no-op", object{"id": "i-same"}),
		changed("alicloud_instance.left", "alicloud_instance", "forget", object{"id": "i-left"}),
		changed("data.alicloud_instance.read", "alicloud_instance", "read", object{"id": "i-read"}),
		object{"address": "data.alicloud_instances.d", "mode": "data", "type": "alicloud_instance", "change": object{"actions": list{"update"}, "before": object{"id": "i-data"}}},
		changed("alicloud_ecs_disk.own", "alicloud_ecs_disk", "update", object{"id": "d-1", "instance_id": "i-disk"}),
		changed("alicloud_ecs_disk.attached", "alicloud_ecs_disk", "delete", object{"id": "d-2"}),
		changed("alicloud_ecs_disk.deep", "alicloud_ecs_disk", "update", object{"id": "d-3", "zone_id": "cn-beijing-h"}),
		changed("alicloud_ecs_disk_attachment.a", "alicloud_ecs_disk_attachment", "delete", object{"id": "d-2:i-attached", "disk_id": "d-2", "instance_id": "i-attached"}),
		changed("alicloud_disk_attachment.old", "alicloud_disk_attachment", "delete", object{"disk_id": "d-9", "instance_id": "i-web0"}),
		changed("alicloud_ecs_instance_set.s", "alicloud_ecs_instance_set", "update", object{"id": "x", "instance_ids": list{"i-set1", "i-set2"}}),
		changed("alicloud_ecs_key_pair_attachment.k", "alicloud_ecs_key_pair_attachment", "delete", object{"instance_ids": list{"i-set1"}}),
		changed("alicloud_ecs_command.c", "alicloud_ecs_command", "update", object{"id": "c-1"}),
		changed("alicloud_vpc.v", "alicloud_vpc", "update", object{"id": "vpc-1", "instance_id": "i-other"}),
		changed("aws_instance.w", "aws_instance", "delete", object{"id": "i-0abc"}),
	)
	plan["prior_state"] = object{"values": object{"root_module": object{"child_modules": list{object{
		"address": "module.a", "child_modules": list{object{"resources": list{
			object{"type": "alicloud_ecs_disk_attachment", "values": object{"disk_id": "d-3", "instance_id": "i-deep"}},
			object{"type": "alicloud_instance", "values": object{"id": "i-disk", "availability_zone": "cn-hongkong-b"}},
		}}},
	}}}}}
	got, err := terraform.Read(text(t, plan))
	want := []terraform.Instance{
		{ID: "i-attached", Addresses: []string{"alicloud_ecs_disk.attached", "alicloud_ecs_disk_attachment.a"}},
		{ID: "i-db", Region: "ap-southeast-1", Addresses: []string{`module.a.module.b["x"].alicloud_instance.db`}, Destroyed: true},
		{ID: "i-deep", Region: "cn-beijing", Addresses: []string{"alicloud_ecs_disk.deep"}},
		{ID: "i-disk", Region: "cn-hongkong", Addresses: []string{"alicloud_ecs_disk.own"}},
		{ID: "i-gone", Region: "cn-shanghai", Addresses: []string{"alicloud_instance.gone"}, Destroyed: true},
		{ID: "i-set1", Addresses: []string{"alicloud_ecs_instance_set.s", "alicloud_ecs_key_pair_attachment.k"}},
		{ID: "i-set2", Addresses: []string{"alicloud_ecs_instance_set.s"}},
		{ID: "i-swapped", Addresses: []string{"alicloud_instance.swapped"}, Destroyed: true},
		{ID: "i-web0", Region: "cn-hangzhou", Addresses: []string{"alicloud_disk_attachment.old", "alicloud_instance.web[0]"}},
	}
	if diff := cmp.Diff(want, got.Instances); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got.Changes != 14 {
		t.Errorf("%d changes", got.Changes)
	}
}

// TestRegionOfTheProvider proves that an instance without a zone gets the region of the
// provider, if all configurations of the provider have the same region.
func TestRegionOfTheProvider(t *testing.T) {
	one := func(region any) object { return object{"name": "alicloud", "expressions": object{"region": region}} }
	for name, test := range map[string]struct {
		providers, variables object
		want                 string
	}{
		"constant":       {object{"alicloud": one(object{"constant_value": "cn-beijing"})}, nil, "cn-beijing"},
		"variable":       {object{"alicloud": one(object{"references": list{"var.region"}})}, object{"region": object{"value": "cn-shenzhen"}}, "cn-shenzhen"},
		"two equal":      {object{"alicloud": one(object{"constant_value": "cn-beijing"}), "alicloud.b": one(object{"constant_value": "cn-beijing"}), "aws": object{"name": "aws"}}, nil, "cn-beijing"},
		"two different":  {object{"alicloud": one(object{"constant_value": "cn-beijing"}), "alicloud.b": one(object{"constant_value": "cn-shanghai"})}, nil, ""},
		"local value":    {object{"alicloud": one(object{"references": list{"local.region"}})}, object{"region": object{"value": 3}}, ""},
		"unknown region": {object{"alicloud": one(object{"constant_value": "cn-hangzhou.evil.example"})}, nil, ""},
		"none":           {object{}, nil, ""},
	} {
		plan := planned(changed("alicloud_instance.a", "alicloud_instance", "update", object{"id": "i-a"}))
		plan["configuration"], plan["variables"] = object{"provider_config": test.providers}, test.variables
		got, err := terraform.Read(text(t, plan))
		if err != nil || len(got.Instances) != 1 || got.Instances[0].Region != test.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestUnusablePlans proves that a text that is not a complete Terraform plan is refused, with
// the kind and the place of the mistake.
func TestUnusablePlans(t *testing.T) {
	good := string(text(t, planned(changed("alicloud_instance.a", "alicloud_instance", "update", object{"id": "i-a"}))))
	for name, test := range map[string]struct {
		text string
		want terraform.SyntaxError
	}{
		"nothing":              {" \n", terraform.SyntaxError{Kind: terraform.Empty}},
		"too long":             {strings.Repeat(" ", terraform.MaxSize+1), terraform.SyntaxError{Kind: terraform.TooLong}},
		"the plan file":        {"PK\x03\x04\x14\x00", terraform.SyntaxError{Kind: terraform.Binary}},
		"no text":              {"\xff\xfe{", terraform.SyntaxError{Kind: terraform.Binary}},
		"what plan prints":     {"\nTerraform will perform the following actions:\n", terraform.SyntaxError{Kind: terraform.Printed}},
		"what plan -json does": {`{"@level":"info","@message":"Terraform 1.9.8"}` + "\n" + `{"@level":"info"}`, terraform.SyntaxError{Kind: terraform.Stream}},
		"a state":              {`{"format_version":"1.0","values":{"root_module":{}}}`, terraform.SyntaxError{Kind: terraform.State}},
		"an empty state":       {`{"format_version":"1.0"}`, terraform.SyntaxError{Kind: terraform.NoPlan}},
		"other JSON":           {`{"a":1}`, terraform.SyntaxError{Kind: terraform.NoPlan}},
		"a list":               {"[\n1]", terraform.SyntaxError{Line: 1, Column: 1, Kind: terraform.NoPlan}},
		"cut off":              {strings.TrimSuffix(good, "}"), terraform.SyntaxError{Line: strings.Count(good, "\n") + 1, Column: 1, Kind: terraform.BadJSON}},
		"a comma too many":     {"{\n \"format_version\": \"1.2\",\n}", terraform.SyntaxError{Line: 3, Column: 1, Kind: terraform.BadJSON}},
		"two plans":            {good + "\n{}", terraform.SyntaxError{Line: strings.Count(good, "\n") + 2, Column: 2, Kind: terraform.BadJSON}},
		"version 2":            {`{"format_version":"2.0","planned_values":{}}`, terraform.SyntaxError{Kind: terraform.BadVersion, Detail: "2.0"}},
		"an error":             {`{"format_version":"1.2","errored":true,"planned_values":{}}`, terraform.SyntaxError{Kind: terraform.Errored}},
		"no change":            {`{"format_version":"1.2","planned_values":{}}`, terraform.SyntaxError{Kind: terraform.NoInstance}},
		"no id": {string(text(t, planned(changed("module.m.alicloud_instance.a", "alicloud_instance", "update", object{"id": nil})))),
			terraform.SyntaxError{Kind: terraform.NoID, Detail: "module.m.alicloud_instance.a"}},
		"a wrong id": {string(text(t, planned(changed("alicloud_ecs_disk.a", "alicloud_ecs_disk", "update", object{"instance_id": "i-a/../b"})))),
			terraform.SyntaxError{Kind: terraform.NoID, Detail: "alicloud_ecs_disk.a"}},
	} {
		got, err := terraform.Read([]byte(test.text))
		bad, ok := errors.AsType[*terraform.SyntaxError](err)
		if !ok || *bad != test.want || got.Instances != nil {
			t.Errorf("%s: %+v, want %+v", name, err, test.want)
		}
	}
	if _, err := terraform.Read([]byte("\ufeff" + good + "\n")); err != nil {
		t.Errorf("with a byte order mark: %v", err)
	}
}

// TestRandomPlans proves for random plans that exactly the instances of updates and deletions
// are found, in any order of the changes.
func TestRandomPlans(t *testing.T) {
	actions := []string{"no-op", "create", "read", "forget", "update", "delete", "delete,create", "create,delete"}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		var changes []any
		want := map[string]bool{}
		for i := range 1 + r.IntN(40) {
			id := fmt.Sprintf("i-%d", r.IntN(25))
			action := actions[r.IntN(len(actions))]
			kind := []string{"alicloud_instance", "alicloud_ecs_disk", "alicloud_ecs_disk_attachment", "alicloud_slb"}[r.IntN(4)]
			before := object{"id": id}
			if kind != "alicloud_instance" {
				before = object{"id": fmt.Sprintf("d-%d", i), "instance_id": id}
			}
			address := strings.Repeat("module.m.", r.IntN(4)) + fmt.Sprintf("%s.r%d", kind, i)
			changes = append(changes, changed(address, kind, action, before))
			if kind != "alicloud_slb" && slices.Contains(actions[4:], action) {
				want[id] = true
			}
		}
		got, err := terraform.Read(text(t, planned(changes...)))
		if bad, ok := errors.AsType[*terraform.SyntaxError](err); err != nil && (!ok || bad.Kind != terraform.NoInstance || len(want) > 0) {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if len(got.Instances) != len(want) {
			t.Fatalf("seed %d: %d instances, want %d", seed, len(got.Instances), len(want))
		}
		for _, one := range got.Instances {
			if !want[one.ID] || len(one.Addresses) == 0 {
				t.Fatalf("seed %d: %+v", seed, one)
			}
		}
	}
}

// FuzzRead proves that any text gives instances with valid ids or a SyntaxError with a place
// inside the text.
func FuzzRead(f *testing.F) {
	f.Add(text(f, planned(changed("alicloud_instance.a", "alicloud_instance", "update", object{"id": "i-a", "availability_zone": "cn-hangzhou-i"}))))
	f.Add(text(f, planned(changed("a", "alicloud_ecs_disk", "delete", object{"id": "d-1", "instance_id": list{"i-a", 3, nil}}))))
	f.Add([]byte(`{"format_version":"1.0","planned_values":{},"resource_changes":[{"mode":"managed","change":null}]}`))
	f.Add([]byte(`{"format_version":"1.0","prior_state":{"values":{"root_module":{"child_modules":[{"child_modules":[]}]}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := terraform.Read(data)
		if bad, ok := errors.AsType[*terraform.SyntaxError](err); err != nil {
			if !ok || bad.Line < 0 || bad.Line > strings.Count(string(data), "\n")+1 || len(bad.Detail) > 200 {
				t.Fatalf("%#v", err)
			}
			return
		}
		if len(got.Instances) == 0 {
			t.Fatal("neither instances nor an error")
		}
		for _, one := range got.Instances {
			if !strings.HasPrefix(one.ID, "i-") || len(one.ID) > 64 || len(one.Addresses) == 0 {
				t.Fatalf("%+v", one)
			}
		}
	})
}
