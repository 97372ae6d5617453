package templates

import (
	"context"
	"fmt"
	"strings"

	"backupportal/function/kubectl"
	"backupportal/function/param"
)

// A VolumesPage is one of two pages on which a person selects the volumes of a container backup
// from the output of kubectl. Without Rows it has a box for the output; with Rows it lists the
// volumes in the output.
type VolumesPage struct {
	Shell
	Hidden     []Hidden             // the values of the form to which the pages lead back
	Cluster    string               // id of the cluster; empty if the form has none
	Output     string               // the text in the box; empty unless it was pasted and cannot be used
	Unreadable *kubectl.SyntaxError // why Output cannot be read; nil if it can, and before it is pasted
	TooMany    int                  // number of volumes in Output, if the page cannot list so many; otherwise 0
	Rows       []VolumeRow          // nil for the page with the box
	Listed     bool                 // Cloud Backup's list of volumes was read to its end
	NoneTicked bool                 // the list was posted without a ticked volume
}

// A VolumeRow is one volume of the output. The first values are those of [kubectl.Volume].
type VolumeRow struct {
	Namespace, Claim, Name, Size, StorageClass, Node string
	ID                                               string // id in Cloud Backup's list; empty if it must be typed
	Problem, Detail                                  string // why it cannot be backed up: see [kubectl.Problem]

	Ticked bool   `json:"-"`
	Typed  string `json:"-"` // the id that a person typed
	Wrong  bool   `json:"-"` // it is ticked and has no valid id
}

// title returns the name that people know: namespace and claim, or without a claim the name of
// the volume.
func (r VolumeRow) title() string {
	if r.Claim == "" {
		return r.Name
	}
	return strings.Join(nonEmpty(r.Namespace, r.Claim), " / ")
}

// about returns the lines below the title: size, storage class and node; then the name of the
// volume, if it is not the title.
func (r VolumeRow) about(context.Context) []string {
	size := r.Size
	for _, unit := range []string{"Ki", "Mi", "Gi", "Ti"} {
		if number, ok := strings.CutSuffix(size, unit); ok {
			size = number + " " + unit + "B"
		}
	}
	lines := nonEmpty(strings.Join(nonEmpty(size, r.StorageClass, r.Node), " · "))
	if r.Claim != "" {
		lines = append(lines, nonEmpty(r.Name)...)
	}
	return lines
}

// why returns the reason for which the volume cannot be backed up; empty if it can.
func (r VolumeRow) why(ctx context.Context) string {
	switch kubectl.Problem(r.Problem) {
	case kubectl.NotBound:
		return in(ctx, param.Both("It is not bound: its phase is %v.", "尚未绑定：当前阶段为 %v。"), r.Detail)
	case kubectl.NoClaim:
		return in(ctx, param.Both("No claim uses it.", "没有存储声明使用它。"))
	case kubectl.OtherDriver:
		return in(ctx, param.Both("Cloud Backup does not support volumes of %v.", "云备份不支持 %v 类型的存储卷。"), r.Detail)
	case kubectl.Deleting:
		return in(ctx, param.Both("It is being deleted.", "正在被删除。"))
	}
	return ""
}

// enter returns what the Enter key does: the same as the main button.
func (p VolumesPage) enter(ctx context.Context) enter {
	if len(p.Rows) == 0 {
		return enter{label: in(ctx, wordShowVolumes), action: "/backups/volumes"}
	}
	return enter{label: in(ctx, wordUseVolumes), op: "pick", action: "/backups/volumes"}
}

// found returns the number of volumes in the output, in words.
func (p VolumesPage) found(ctx context.Context) string {
	if len(p.Rows) == 1 {
		return in(ctx, wordOneFound)
	}
	return in(ctx, wordFound, len(p.Rows))
}

// A volumeError is a line of the error summary, with the HTML id of the control to which it links.
type volumeError struct{ text, id string }

// hasErrors reports whether the page has an error summary.
func (p VolumesPage) hasErrors() bool { return len(p.errors(context.Background())) > 0 }

// errors returns the lines of the error summary in the reader's language; nil if nothing is wrong.
func (p VolumesPage) errors(ctx context.Context) (all []volumeError) {
	switch {
	case p.Unreadable != nil:
		return []volumeError{{unreadable(ctx, p.Unreadable), "kubectl-output"}}
	case p.TooMany > 0:
		text := param.Both("The output has %v volumes: run kubectl for one namespace, with -n", "输出中有 %v 个存储卷：请用 -n 指定一个命名空间")
		return []volumeError{{in(ctx, text, p.TooMany), "kubectl-output"}}
	case p.NoneTicked:
		return []volumeError{{in(ctx, wordNoTick), p.firstBox()}}
	}
	for n, row := range p.Rows {
		if row.Wrong {
			all = append(all, volumeError{in(ctx, wordNeedsID, row.title()), fmt.Sprintf("id-%d", n)})
		}
	}
	return all
}

// firstBox returns the HTML id of the first checkbox that can be ticked, or of the heading.
func (p VolumesPage) firstBox() string {
	for n, row := range p.Rows {
		if row.Problem == "" {
			return fmt.Sprintf("volume-%d", n)
		}
	}
	return "before"
}

// unreadableText returns the sentence for output that cannot be read, without line and column.
func unreadableText(kind kubectl.Kind) param.Text {
	switch kind {
	case kubectl.Empty:
		return param.Both("Paste the output of kubectl", "请粘贴 kubectl 的输出")
	case kubectl.TooLong:
		return param.Both("The output is longer than 256 KB: run kubectl for one namespace, with -n", "输出超过 256 KB：请用 -n 指定一个命名空间")
	case kubectl.NotText:
		return param.Both("The output is not valid UTF-8: copy it again", "输出不是有效的 UTF-8：请重新复制")
	case kubectl.Tab:
		return param.Both("A tab is used for indentation, which YAML does not allow: copy the output again, without tabs", "YAML 不允许用制表符缩进：请重新复制不含制表符的输出")
	case kubectl.Prompt:
		return param.Both("This line is not part of the output: remove the lines of the shell", "此行不属于输出：请删除命令行提示")
	case kubectl.Table:
		return param.Both("This is a table: add -o yaml to the command", "这是表格：请在命令中加上 -o yaml")
	case kubectl.BadYAML:
		return param.Both("This is not valid YAML or JSON: copy the whole output again", "不是有效的 YAML 或 JSON：请重新复制完整的输出")
	case kubectl.NoObject:
		return param.Both("This is not an object of Kubernetes: copy the whole output again", "不是 Kubernetes 对象：请重新复制完整的输出")
	case kubectl.NoVolume:
		return param.Both("The output has no volume and no claim: run kubectl get pv,pvc", "输出中没有存储卷和存储声明：请运行 kubectl get pv,pvc")
	}
	return param.Text{}
}

// unreadable returns the reason for which the output cannot be read, with line and column if
// they are known.
func unreadable(ctx context.Context, e *kubectl.SyntaxError) string {
	text := in(ctx, unreadableText(e.Kind))
	if e.Line == 0 {
		return text
	}
	return in(ctx, param.Both("Line %d, column %d: ", "第 %d 行第 %d 列："), e.Line, e.Column) + text
}
