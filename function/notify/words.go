package notify

import (
	"cmp"
	"strings"
	"unicode"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// The words of messages.
var (
	wordInstance  = param.Both("Instance", "实例")
	wordCluster   = param.Both("Cluster", "集群")
	wordAccount   = param.Both("Account", "账号")
	wordRegion    = param.Both("Region", "地域")
	wordName      = param.Both("Name", "名称")
	wordAskedBy   = param.Both("Requested by", "申请人")
	wordCancelled = param.Both("Cancelled by", "取消人")
	wordReason    = param.Both("Reason", "原因")
	wordTime      = param.Both("Time", "时间")
	wordOpen      = param.Both("Open in Backup Portal", "在备份门户中查看")
	wordLowered   = param.Both("Backup succeeded, but it is less consistent than requested", "备份成功，但未达到要求的一致性")
	wordRefused   = param.Both("Backup not started: refused by Cloud Backup", "备份未启动：云备份拒绝了请求")
	wordColon     = param.Both(": ", "：")
	wordBeside    = param.Both("%v, %v", "%v，%v")
)

var headlines = map[backup.Event]param.Text{
	backup.EventCreated:   param.Both("Backup started", "备份已启动"),
	backup.EventSucceeded: param.Both("Backup succeeded", "备份成功"),
	backup.EventPartial:   param.Both("Backup partly succeeded: some items are missing", "备份部分成功：有内容未备份"),
	backup.EventFailed:    param.Both("Backup failed", "备份失败"),
	backup.EventCancelled: param.Both("Backup cancelled", "备份已取消"),
}

// A message is what every chat shows, in the receiver's language. Nothing in it
// but the link acts on the text around it.
type message struct {
	title string
	lines []line
	colon string // between the two parts of a line
	link  string // may be empty
	open  string // the words of the link
}

type line struct{ label, value string }

func (s *Sender) message(to receiver, n backup.Notice) message {
	l, r := to.Language, n.Record
	m := message{title: headlines[n.Event].In(l), colon: wordColon.In(l), link: s.link(n), open: wordOpen.In(l)}
	lowered := n.Event == backup.EventSucceeded && r.Job.DowngradeReason != ""
	if lowered {
		m.title = wordLowered.In(l)
	}
	if n.Event == backup.EventFailed && r.Last.Kind == backup.StepRefused {
		m.title = wordRefused.In(l)
	}
	if s.cfg.Notifications.Environment != "" {
		m.title = "[" + inert(s.cfg.Notifications.Environment) + "] " + m.title
	}
	add := func(label param.Text, value string) {
		if value != "" {
			m.lines = append(m.lines, line{label.In(l), value})
		}
	}
	add(wordInstance, inert(r.Complete["InstanceId"]))
	add(wordCluster, inert(r.Complete["ContainerClusterId"]))
	add(wordName, inert(r.Params["JobName"]))
	add(wordAccount, inert(s.account(r.Account()).In(l)))
	add(wordRegion, inert(wordBeside.Fill(l, param.RegionName(r.Region()), r.Region())))
	add(wordAskedBy, inert(wordBeside.Fill(l, cmp.Or(r.Principal.Name, r.Principal.Subject), r.Door.Name())))
	if n.Event == backup.EventCancelled {
		add(wordCancelled, inert(r.Cancellation.By.Name))
	}
	if n.Event != backup.EventCreated {
		add(wordReason, inert(cmp.Or(r.Last.Code, r.Job.ErrorMessage)))
	}
	if lowered {
		add(wordReason, inert(r.Job.DowngradeReason))
	}
	add(wordTime, n.At.In(s.cfg.Zone).Format("2006-01-02 15:04 MST"))
	return m
}

// account is the label of the account with that alias.
func (s *Sender) account(alias string) param.Text {
	if s.cfg.Account != nil {
		if a, ok := s.cfg.Account(alias); ok {
			return a.Label()
		}
	}
	return param.Both(alias, alias)
}

// longest is how much of one text is shown, in characters: WeCom takes 4,096
// bytes in all.
const longest = 120

// harmless has, for every character that means something in the markup of some
// chat inside of a line, one that looks alike and means nothing anywhere. Only
// one of these chats says how to escape them, and that is not needed then.
var harmless = strings.NewReplacer(
	"<", "＜", ">", "＞", "&", "＆", "@", "＠", "#", "＃", "*", "＊", "_", "＿", "~", "～", "`", "｀", "|", "｜", `\`, "＼",
	"[", "［", "]", "］", "://", "：//",
)

// inert makes one line of a stranger's text that mentions nobody, links to
// nothing and has no markup. Chats make links even of bare names of hosts, so a
// dot before a letter is another dot.
func inert(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.C, r) || r == unicode.ReplacementChar:
			return -1 // invisible, or turns the direction of the text
		}
		return r
	}, s)
	letters := []rune(strings.Join(strings.Fields(s), " "))
	if len(letters) > longest {
		letters = append(letters[:longest-1], '…')
	}
	for i, r := range letters {
		if r == '.' && i+1 < len(letters) && unicode.IsLetter(letters[i+1]) {
			letters[i] = '．'
		}
	}
	return harmless.Replace(string(letters))
}
