package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/templates"
)

// presetsPath is the address of the presets for programs.
const presetsPath = "/api/v1/presets"

// Presets are the presets that the sender may use.
type Presets struct {
	Presets []Preset `json:"Presets"`
}

// A Preset is the JSON form of a preset. Title and Description are in the reader's language.
type Preset struct {
	Name        string            `json:"Name"`
	Title       string            `json:"Title"`
	Description string            `json:"Description"`
	Values      map[string]string `json:"Values"` // values, by parameter; keys of Detail and Options are dotted
}

// listPresets answers GET /api/v1/presets.
func (s *Server) listPresets(w http.ResponseWriter, r *http.Request) error {
	if _, err := strictQuery(r); err != nil {
		return err
	}
	l := templates.Language(r.Context())
	answer := Presets{Presets: []Preset{}}
	for _, p := range s.Policy.Presets(principal(r)) {
		answer.Presets = append(answer.Presets, Preset{p.Name, p.Title.In(l), p.Description.In(l), p.Values})
	}
	return writeJSON(w, r, http.StatusOK, answer)
}

// presetOf returns the preset called name if p may use it for a backup of the type source, or nil.
func (s *Server) presetOf(p identity.Principal, name string, source param.SourceType) *backup.Preset {
	if name == "" {
		return nil
	}
	presets := s.Policy.Presets(p)
	at := slices.IndexFunc(presets, func(one backup.Preset) bool {
		return one.Name == name && one.Values.SourceType() == source
	})
	if at < 0 {
		return nil
	}
	return &presets[at]
}

// presetsOf returns the presets that p may use for a machine.
func (s *Server) presetsOf(p identity.Principal, m templates.MachineRow) []backup.Preset {
	given, tags := param.Params{"Account": m.Account, "Region": m.Region}, m.Tags
	if tags == nil {
		tags = map[string]string{} // the list has the tags of every instance
	}
	switch {
	case m.Cluster != "":
		given["ContainerClusterId"] = m.Cluster
	case m.Sources[0] == param.Container:
		given["ContainerClusterId"] = m.ID
	default:
		given["InstanceId"] = m.ID
	}
	return slices.DeleteFunc(s.Policy.PresetsFor(p, given, tags), func(one backup.Preset) bool {
		return !slices.Contains(m.Sources, one.Values.SourceType())
	})
}

// linkName is the query parameter with the name of a saved link to a form. longestLinkName is
// its maximum length in bytes, enough for 80 Chinese characters.
const (
	linkName        = "Name"
	linkWhole       = "whole" // not empty: the link has all values of its form, so its preset fills in none
	longestLinkName = 240
	restOfLink      = 120 // bytes of the address of a form without its values, with the id of a page
)

// addLink adds the name and the address of the saved link with which r was opened, if it has a
// name.
func addLink(r *http.Request, page *templates.FormPage) {
	query := r.URL.Query()
	if query.Get(linkName) == "" {
		return
	}
	page.Link = param.Clean(query.Get(linkName), longestLinkName)
	query.Del("page") // a page belongs to one person, and shows the values that were typed on it later
	page.LinkAddress = r.URL.EscapedPath() + "?" + query.Encode()
}

// linkValues returns the hidden inputs of a form that makes a link to the form with the values, or nil if
// the link would be too long. The reason and the ticket are left out: they are asked again. A preset is named
// with linkWhole, so that it does not fill in values that the person has removed.
func linkValues(v templates.Values) []templates.Hidden {
	all := hidden(templates.Values(param.Params(v).WithoutNotes()), "")
	query := url.Values{linkName: {strings.Repeat("x", 3*longestLinkName)}}
	for _, one := range all {
		query.Set(one.Name, one.Value)
	}
	if len(query.Encode()) > maxURL-restOfLink {
		return nil
	}
	if v["Preset"] != "" {
		all = append(all, templates.Hidden{Name: linkWhole, Value: "1"})
	}
	return slices.DeleteFunc(all, func(one templates.Hidden) bool {
		return one.Name == "key" || one.Name == "SourceType"
	})
}
