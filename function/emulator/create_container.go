package emulator

import (
	"encoding/json"
	"slices"
)

// resourceKeys are the keys of one element of ContainerResources, all texts.
var resourceKeys = []string{
	"resourceType", "backupMethod", "resourceId", "resourceInfo", "host", "hostPrefix", "pvPath",
}

// checkContainerOrder judges a CONTAINER job by its parameters alone.
func checkContainerOrder(o *order) error {
	if err := checkOneOf(o.params, "InitiatedByAck", "true", "false"); err != nil {
		return err
	}
	_, err := parseResources(o.params["ContainerResources"])
	return err
}

// findVolumes resolves the cluster, the vault and the volumes.
func findVolumes(o *order) error {
	id, group := o.params["ContainerClusterId"], o.params["ClusterId"]
	cluster := o.owner.cluster(id, o.region)
	if cluster == nil {
		return notFound("ContainerClusterId", id)
	}
	if group != "" && group != cluster.GroupID {
		return notFound("ClusterId", group)
	}
	if err := findVault(o); err != nil {
		return err
	}
	o.source = source{cluster: cluster, plan: worldPlan(cluster.JobDuration, cluster.JobOutcome)}
	volumes, err := parseResources(o.params["ContainerResources"])
	if err != nil {
		return err
	}
	for _, id := range volumes {
		v := cluster.volume(id)
		if v == nil {
			return notFound("ContainerResources.resourceId", id)
		}
		o.source.bytes += v.GiB << 30
		o.source.paths = append(o.source.paths, v.Namespace+"/"+v.Claim)
	}
	if cluster.Agent != "READY" {
		o.source.failure = "the agent of the cluster is not ready"
	}
	if client := o.owner.client(cluster.ID); client != nil {
		o.source.client = client.ID
	}
	o.failWithoutVault()
	return nil
}

// parseResources reads ContainerResources and returns the ids of its volumes.
func parseResources(text string) ([]string, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal([]byte(text), &elements); err != nil || len(elements) == 0 {
		return nil, invalid("ContainerResources", "it is not a json array of at least one object")
	}
	var ids []string
	for _, raw := range elements {
		id, err := parseResource(string(raw))
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// parseResource reads one element. Its resourceInfo is a text that holds a
// JSON object, not an object.
func parseResource(text string) (id string, err error) {
	object, err := jsonObject(text)
	if err != nil {
		return "", invalid("ContainerResources", "an element is wrong: %v", err)
	}
	values := map[string]string{}
	for key, raw := range object {
		v, isText := jsonString(raw)
		if !slices.Contains(resourceKeys, key) || !isText {
			return "", invalid("ContainerResources", "key %q is not known, or not a text", key)
		}
		values[key] = v
	}
	if info, given := values["resourceInfo"]; given {
		if _, err := jsonObject(info); err != nil {
			return "", invalid("ContainerResources", "resourceInfo: %v", err)
		}
	}
	switch {
	case values["resourceType"] != "PV":
		return "", invalid("ContainerResources", "resourceType is PV")
	case values["backupMethod"] != "FILE":
		return "", invalid("ContainerResources", "backupMethod is FILE")
	case values["resourceId"] == "":
		return "", invalid("ContainerResources", "resourceId is missing")
	}
	return values["resourceId"], nil
}
