package web

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"backupportal/function/backup"
	"backupportal/function/kubectl"
	"backupportal/function/param"
	"backupportal/templates"
)

// volumesPath is the address of the page that reads volumes from the output of kubectl.
const volumesPath = "/backups/volumes"

// outputName is the name of the text box for the output of kubectl.
const outputName = "kubectl"

// Limits of the page of volumes.
const (
	maxVolumes      = 300 // volumes in one output
	maxVolumeID     = 128 // bytes of a typed id
	maxVolumesPages = 10  // pages of the cloud's list of volumes that are read
)

// pickVolumes answers POST /backups/volumes, a detour of the form of a container backup in
// three steps. Each page contains the values of the form as hidden inputs.
//
//	posted by              inputs of the step                 answer
//	the form               none, or an empty kubectl          the page on which the output of kubectl is pasted
//	either of these        kubectl: the output                the list of its volumes
//	the list               row.N: a volume as JSON            redirect to the check page, or to the form with the
//	                       volume.N: 1 if it is ticked        ticked volumes if it has mistakes; the list again if
//	                       id.N: its typed id                 an id is missing or none is ticked
//
// A language button of the list has another op than the list's button (pick): the answer is
// then the list again.
func (s *Server) pickVolumes(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errors.Join(errRequest, err)
	}
	own := takeOwn(r.PostForm)
	values, err := readForm(r)
	if err != nil {
		return err
	}
	page := templates.VolumesPage{
		Shell: s.shell(r), Cluster: values["ContainerClusterId"],
		Hidden: append(hidden(values, s.key(r)), templates.Hidden{Name: "page", Value: s.pageID(r.PostForm)}),
	}
	switch {
	case own.Has("row.0"):
		return s.tickedVolumes(w, r, page, values, own)
	case own.Get(outputName) != "", own.Has(outputName) && r.PostForm.Get("at") == "volumes":
		return s.listVolumes(w, r, page, values, own.Get(outputName))
	}
	return render(w, r, http.StatusOK, templates.Volumes(page))
}

// volumesInLanguage answers a language button of the pages for selecting volumes: it shows the
// same page in this language, with everything that was pasted, ticked and typed.
func (s *Server) volumesInLanguage(w http.ResponseWriter, r *http.Request) error {
	verb, tag, _ := strings.Cut(r.PostForm.Get("op"), ":")
	l, ok := languageTag(tag)
	if verb != "lang" || !ok {
		return errRequest
	}
	s.setCookie(w, "lang", string(l))
	return s.pickVolumes(w, withLanguage(r, l))
}

// takeOwn removes from form the inputs of the pages for selecting volumes, and returns them.
// What remains is the form of the backup.
func takeOwn(form url.Values) url.Values {
	own := url.Values{}
	for name, values := range form {
		prefix, number, _ := strings.Cut(name, ".")
		_, err := strconv.Atoi(number)
		if name == outputName || err == nil && slices.Contains([]string{"row", "volume", "id"}, prefix) {
			own[name] = values
			delete(form, name)
		}
	}
	return own
}

// listVolumes shows the volumes in the output of kubectl, or why it cannot be read.
func (s *Server) listVolumes(w http.ResponseWriter, r *http.Request, page templates.VolumesPage, values templates.Values, output string) error {
	found, err := kubectl.Read(output)
	if unreadable, ok := errors.AsType[*kubectl.SyntaxError](err); ok {
		page.Output, page.Unreadable = output, unreadable
		if !isPlainText(output) {
			page.Output = ""
		}
		return render(w, r, http.StatusUnprocessableEntity, templates.Volumes(page))
	}
	if len(found.Volumes) > maxVolumes {
		page.Output, page.TooMany = output, len(found.Volumes)
		return render(w, r, http.StatusUnprocessableEntity, templates.Volumes(page))
	}
	known, listed := s.knownVolumes(r, values)
	page.Listed = listed
	for _, v := range found.Volumes {
		row := templates.VolumeRow{
			Namespace: v.Namespace, Claim: v.Claim, Name: v.Name, Size: v.Size, StorageClass: v.StorageClass,
			Node: v.Node, Problem: string(v.Problem), Detail: v.Detail,
		}
		if match, ok := matchVolume(known, v); ok {
			row.ID = match.ID
			attributes := attributesOf(match)
			row.Name = cmp.Or(row.Name, attributes["pv_name"])
			row.Size = cmp.Or(row.Size, attributes["pv_size"])
			row.StorageClass = cmp.Or(row.StorageClass, attributes["storage_class"])
			row.Claim = cmp.Or(row.Claim, attributes["pvc_name"])
			row.Namespace = cmp.Or(row.Namespace, attributes["namespace"])
		}
		row.Ticked = row.Problem == "" && row.ID != ""
		page.Rows = append(page.Rows, row)
	}
	return render(w, r, http.StatusOK, templates.Volumes(page))
}

// knownVolumes returns the volumes of the cluster that Cloud Backup lists, and whether the list
// is complete. It is empty and incomplete if values have no account, no region or no cluster.
func (s *Server) knownVolumes(r *http.Request, values templates.Values) (all []backup.Candidate, complete bool) {
	params := param.Params{"Account": values["Account"], "Region": values["Region"], "SourceType": string(param.Container)}
	query := backup.CandidateQuery{Kind: backup.Volumes, ClusterID: values["ContainerClusterId"]}
	if params["Account"] == "" || params["Region"] == "" || query.ClusterID == "" {
		return nil, false
	}
	for range maxVolumesPages {
		found, err := s.Backups.Candidates(r.Context(), principal(r), params, query)
		if err != nil {
			s.Log.InfoContext(r.Context(), "no list of volumes", "error", err)
			return all, false
		}
		all = append(all, found.Items...)
		if query.Next = found.Next; query.Next == "" {
			return all, true
		}
	}
	return all, false
}

// matchVolume returns the volume in known that is the same as v. It compares two values: the
// claim with its namespace, and the name of the volume. At least one of them must be known for
// both volumes, and no value that is known for both may differ. It returns false if no volume
// or more than one matches.
func matchVolume(known []backup.Candidate, v kubectl.Volume) (backup.Candidate, bool) {
	var matches []backup.Candidate
	for _, c := range known {
		a := attributesOf(c)
		sameClaim := v.Claim != "" && a["pvc_name"] == v.Claim && a["namespace"] == v.Namespace
		sameName := v.Name != "" && a["pv_name"] == v.Name
		if sameName && (v.Claim == "" || a["pvc_name"] == "" || sameClaim) || sameClaim && (v.Name == "" || a["pv_name"] == "") {
			matches = append(matches, c)
		}
	}
	if len(matches) != 1 {
		return backup.Candidate{}, false
	}
	return matches[0], true
}

// attributesOf returns the attributes of c by name.
func attributesOf(c backup.Candidate) map[string]string {
	all := map[string]string{}
	for _, a := range c.Attributes {
		all[a.Name] = a.Value
	}
	return all
}

// tickedVolumes answers the buttons of the list of volumes. The button pick redirects to the check page with the ticked
// volumes, or to the form if that has mistakes or there is no store for drafts. If none is ticked, or a ticked one has no valid id, it shows the list
// again with this mistake. A language button shows the list again without mistakes.
func (s *Server) tickedVolumes(w http.ResponseWriter, r *http.Request, page templates.VolumesPage, values templates.Values, own url.Values) error {
	var volumes []param.Volume
	missing := false
	for n := 0; n < maxVolumes && own.Has("row."+strconv.Itoa(n)); n++ {
		number := strconv.Itoa(n)
		var row templates.VolumeRow
		if err := json.Unmarshal([]byte(own.Get("row."+number)), &row); err != nil {
			return errRequest
		}
		row.Typed, row.Ticked = strings.TrimSpace(own.Get("id."+number)), own.Get("volume."+number) == "1" && row.Problem == ""
		if !isPlainText(row.Typed) {
			return errRequest
		}
		id := cmp.Or(row.ID, row.Typed)
		row.Wrong = row.Ticked && !isVolumeID(id)
		missing = missing || row.Wrong
		if row.Ticked {
			volumes = append(volumes, volumeOf(row, id))
		}
		page.Rows = append(page.Rows, row)
	}
	if r.PostForm.Get("op") != "pick" { // a language button
		for n := range page.Rows {
			page.Rows[n].Wrong = false
		}
		page.Listed = true
		return render(w, r, http.StatusOK, templates.Volumes(page))
	}
	page.NoneTicked = len(volumes) == 0
	if missing || page.NoneTicked {
		page.Listed = true
		return render(w, r, http.StatusUnprocessableEntity, templates.Volumes(page))
	}
	for name := range values {
		if strings.HasPrefix(name, "ContainerResources.") {
			delete(values, name)
		}
	}
	values["ContainerResources"] = param.VolumeList(volumes)
	delete(values, "choice.ContainerResources")
	expandCombined(values)
	values["SourceType"] = string(param.Container)
	if s.Drafts == nil {
		return s.carry(w, r, values, "edit", "what", "")
	}
	d := s.draftOf(r, principal(r).ID(), values)
	to := draftsPath + "/" + d.Page + "?section=what#what"
	j, err := s.checkForm(r, values)
	if err != nil {
		return err
	}
	if j.bad == nil {
		d.Checked, d.Interim = true, false
		to = draftsPath + "/" + d.ID + "/check"
	}
	if err := s.Drafts.SaveDraft(r.Context(), d); err != nil {
		return storeFailure(err)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// isVolumeID reports whether id can be the id of a volume: not empty, at most maxVolumeID
// bytes, without blanks.
func isVolumeID(id string) bool {
	return id != "" && len(id) <= maxVolumeID && !strings.ContainsFunc(id, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	})
}

// volumeOf returns the element of ContainerResources for a row with the given id.
func volumeOf(row templates.VolumeRow, id string) param.Volume {
	return param.Volume{
		ResourceType: "PV", BackupMethod: "FILE", ResourceID: id, Host: row.Node, PVPath: "/",
	}.WithInfo(param.VolumeInfo{
		PVName: row.Name, PVSize: row.Size, StorageClass: row.StorageClass, PVCName: row.Claim, Namespace: row.Namespace,
	})
}

// expandVolumes replaces the JSON value of ContainerResources by rows of the form. It changes
// nothing if rows cannot express all of the value: too many volumes, or a member for which a
// row has no control.
func expandVolumes(v templates.Values) {
	const field = "ContainerResources"
	text := v[field]
	volumes := param.Params{field: text}.Volumes()
	if text == "" || v["choice."+field] != "" || len(volumes) == 0 || len(volumes) > templates.MaxRows(field) {
		return
	}
	rows := templates.Values{}
	for n, volume := range volumes {
		info := volume.Info()
		for control, value := range map[string]string{
			"namespace": info.Namespace, "pvc_name": info.PVCName, "pv_name": info.PVName, "resourceId": volume.ResourceID,
			"pv_size": info.PVSize, "storage_class": info.StorageClass, "host": volume.Host,
			"hostPrefix": volume.HostPrefix, "pvPath": volume.PVPath,
		} {
			rows[templates.RowControl(field, n, control)] = value
		}
	}
	c := converter{values: rows, params: param.Params{}}
	c.volumes()
	if !sameVolumes(text, c.params[field]) {
		return
	}
	maps.Copy(v, rows)
	delete(v, field)
}

// sameVolumes reports whether two JSON lists have the same volumes in the same order. The order
// of the members of a volume, and of its resourceInfo, does not matter.
func sameVolumes(a, b string) bool {
	read := func(text string) (all []map[string]any) {
		if json.Unmarshal([]byte(text), &all) != nil {
			return nil
		}
		for _, one := range all {
			var info map[string]any
			if s, ok := one["resourceInfo"].(string); ok && json.Unmarshal([]byte(s), &info) == nil {
				one["resourceInfo"] = info
			}
		}
		return all
	}
	all := read(a)
	return all != nil && reflect.DeepEqual(all, read(b))
}
