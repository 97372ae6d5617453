package templates_test

import (
	"fmt"
	"strings"
	"testing"

	"backupportal/function/param"
	"backupportal/templates"
)

func TestRowsHaveTheirButtons(t *testing.T) {
	for _, field := range []string{"SpeedLimit", "ContainerResources"} {
		source := param.ECSFile
		if field == "ContainerResources" {
			source = param.Container
		}
		most := templates.MaxRows(field)
		for _, rows := range []int{1, 2, 3, 8, most - 1, most} {
			last := templates.RowControl(field, rows-1, templates.RowControls(field)[0])
			page := newSampler(same).form(source, templates.Values{last: "1"})
			doc := draw(t, templates.Part(page, "rows-"+field), param.English)
			if got := doc.Find("#rows-" + field + " .row").Length(); got != rows {
				t.Fatalf("%s: %d rows, want %d", field, got, rows)
			}
			removes := doc.Find("button[value^='remove:']")
			if want := rows; rows == 1 && removes.Length() != 0 || rows > 1 && removes.Length() != want {
				t.Errorf("%s: %d rows have %d buttons to remove one", field, rows, removes.Length())
			}
			if rows > 1 && attr(removes.Last(), "value") != fmt.Sprintf("remove:%s:%d", field, rows-1) {
				t.Errorf("%s: the last row is removed by %q", field, attr(removes.Last(), "value"))
			}
			if got := doc.Find("button[value='add:"+field+"']").Length() == 1; got != (rows < templates.MaxRows(field)) {
				t.Errorf("%s: with %d rows one more is offered: %v", field, rows, got)
			}
		}
	}
}

func TestPartsAreFragments(t *testing.T) {
	page := newSampler(same).form(param.ECSFile, nil)
	for name, want := range map[string]int{"rows-SpeedLimit": 1, "rows-ContainerResources": 1, "rows-Other": 0, "": 0} {
		var b strings.Builder
		if err := templates.Part(page, name).Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(b.String(), `id="`+name+`"`); got != want || strings.Contains(b.String(), "<html") {
			t.Errorf("%q: %d fragments, want %d", name, got, want)
		}
	}
}

func TestDayBarDrawsCompleteWindows(t *testing.T) {
	values := templates.Values{"choice.SpeedLimit": "hours"}
	for i, w := range []struct{ start, end, rate, unit string }{
		{"9", "18", "20", "MB"}, {"18", "22", "500", "KB"}, {"22", "24", "1536", "KB"}, {"0", "1", "2048", "KB"},
		{"", "3", "1", "KB"}, {"5", "4", "1", "KB"}, {"5", "6", "x", "KB"}, {"-1", "6", "1", "KB"}, {"6", "25", "1", "KB"},
	} {
		for control, value := range map[string]string{"start": w.start, "end": w.end, "bandwidth": w.rate, "unit": w.unit} {
			values[templates.RowControl("SpeedLimit", i, control)] = value
		}
	}
	doc := form(t, param.ECSFile, values, nil)
	var got []string
	for _, s := range doc.Find("#day-SpeedLimit rect:not(.all)").EachIter() {
		got = append(got, attr(s, "class")+" "+attr(s, "x")+"+"+attr(s, "width"))
	}
	want := []string{"shade-1 180+180", "shade-2 360+80", "shade-3 440+40", "shade-1 0+20", "shade-2 100+380", "shade-2 0+80"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("drawn are %v, want %v", got, want)
	}
	key := doc.Find("#day-SpeedLimit .key").Text()
	for _, words := range []string{"09:00–18:00 · 20 MB/s", "18:00–22:00 · 500 KB/s", "22:00–24:00 · 1536 KB/s", "00:00–01:00 · 2 MB/s", "no limit"} {
		if !strings.Contains(key, words) {
			t.Errorf("the legend lacks %q: %q", words, key)
		}
	}
	if attr(doc.Find("#day-SpeedLimit"), "aria-hidden") != "true" {
		t.Error("a screen reader hears the windows twice")
	}
}
