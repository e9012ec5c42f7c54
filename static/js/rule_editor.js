// Ace over the form's text: highlighting and completion with the engine's own words, problems where they stand, checked a
// moment after the last key. Without this script the form works as it is.
(() => {
  const form = document.querySelector("form.rule-form");
  const area = form?.querySelector("textarea[name=text]");
  if (!area || !window.ace) return;
  const PAUSE = 400; // ms without a key before the text is checked
  ace.config.set("useStrictCSP", true);

  const host = document.createElement("div");
  host.className = "rule-text";
  area.before(host);
  area.hidden = true;
  const label = form.querySelector("label[for=id_text]");
  label.addEventListener("click", () => editor.focus());

  const editor = ace.edit(host, {
    value: area.value,
    minLines: 14,
    maxLines: 40,
    tabSize: 2,
    useSoftTabs: true,
    showPrintMargin: false,
    wrap: true,
    enableKeyboardAccessibility: true,
    textInputAriaLabel: label.textContent,
  });
  // The server checks; a worker made from a blob would break the policy.
  editor.session.setUseWorker(false);
  editor.session.setMode("ace/mode/yaml");

  const escaped = (words) => words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");

  // Conditions and outputs are coloured up to the next key; the rest is YAML.
  const highlight = (words) => {
    const { YamlHighlightRules } = ace.require("ace/mode/yaml_highlight_rules");
    const YamlMode = ace.require("ace/mode/yaml").Mode;
    const wordy = Object.keys(words.operators).filter((word) => /^[a-z]/.test(word));
    const symbols = Object.keys(words.operators).filter((word) => !/^[a-z]/.test(word)).sort((a, b) => b.length - a.length);
    const families = [...new Set(words.fields.map((field) => field.name.split(".")[0]))];
    const inside = [
      { token: "empty", regex: /^(?=\s*(?:-\s+)?[A-Za-z_-]+\s*:(?:\s|$))/, next: "start" },
      { token: "empty", regex: /^(?=-\s)/, next: "start" },
      { token: "comment", regex: /(?:^|\s)#.*$/ },
      { token: "string", regex: /'[^']*'|"(?:[^"\\]|\\.)*"/ },
      { token: "variable", regex: new RegExp(`%?(?:${escaped(families)})\\.[a-z0-9_.]+(?:\\[[^\\]]*\\])?`) },
      { token: "keyword.operator", regex: new RegExp(`\\b(?:${escaped(wordy)})\\b`) },
      { token: "function", regex: new RegExp(`\\b(?:${escaped(Object.keys(words.transformers))})(?=\\()`) },
      { token: "keyword.operator", regex: new RegExp(escaped(symbols)) },
      { defaultToken: "text" },
    ];
    class Rules extends YamlHighlightRules {
      constructor() {
        super();
        this.$rules.falco = inside;
        this.$rules.start.unshift({ token: ["text", "meta.tag", "keyword"], regex: /^(\s*(?:-\s+)?)(condition|output)(\s*:(?:\s|$))/, next: "falco" });
      }
    }
    class Mode extends YamlMode {
      constructor() {
        super();
        this.HighlightRules = Rules;
      }
    }
    editor.session.setMode(new Mode());
  };

  const completions = (words) => {
    const fields = words.fields.map((field) => ({ value: field.name.replace("[/…]", "[/"), caption: field.name, meta: field.meta, docText: field.help, score: 50 }));
    const all = [
      ...fields,
      ...Object.entries(words.macros).map(([name, text]) => ({ value: name, meta: "macro", docText: text, score: 60 })),
      ...Object.entries(words.lists).map(([name, text]) => ({ value: name, meta: "list", docText: text, score: 55 })),
      ...Object.entries(words.operators).filter(([word]) => /^[a-z]/.test(word)).map(([word, text]) => ({ value: word, meta: "operator", docText: text, score: 40 })),
      ...Object.entries(words.transformers).map(([word, text]) => ({ value: `${word}(`, caption: `${word}()`, meta: "transformer", docText: text, score: 30 })),
    ];
    const keys = words.keys.map((key) => ({ value: `${key}: `, caption: key, meta: "key", score: 40 }));
    const tags = words.tags.map((tag) => ({ value: tag, meta: "tag", score: 40 }));
    const priorities = words.priorities.map((word) => ({ value: word, meta: "priority", score: 40 }));
    // The key whose value stands at a place: the nearest one above it.
    const keyAt = (session, row, column) => {
      for (let line = row; line >= 0; line -= 1) {
        const text = line === row ? session.getLine(line).slice(0, column) : session.getLine(line);
        const found = text.match(/^\s*(?:-\s+)?([A-Za-z_-]+)\s*:(?:\s|$)/);
        if (found) return found[1];
      }
      return "";
    };
    editor.completers = [{
      identifierRegexps: [/[A-Za-z0-9_.[\]/()-]/],
      getCompletions: (_, session, position, prefix, done) => {
        const key = keyAt(session, position.row, position.column);
        const choices = { tags, priority: priorities, condition: all, output: fields, items: all.filter((word) => word.meta === "list") };
        done(null, choices[key] ?? keys);
      },
    }];
  };

  let markers = [];
  const show = () => {
    for (const marker of markers) editor.session.removeMarker(marker);
    markers = [];
    const { Range } = ace.require("ace/range");
    const notes = [...document.querySelectorAll("#checked [data-own]")].map((item) => {
      const row = item.dataset.line - 1;
      const column = item.dataset.column - 1;
      const line = editor.session.getLine(row) ?? "";
      const end = column + Math.max(line.slice(column).search(/[\s,)]|$/), 1);
      const kind = item.dataset.level === "error" ? "ace_problem" : "ace_problem warning";
      markers.push(editor.session.addMarker(new Range(row, column, row, end), kind, "text"));
      return { row, column, text: item.querySelector(".what").textContent, type: item.dataset.level };
    });
    editor.session.setAnnotations(notes);
  };

  let waiting;
  editor.session.on("change", () => {
    area.value = editor.getValue();
    clearTimeout(waiting);
    waiting = setTimeout(() => htmx.trigger("#checked", "check"), PAUSE);
  });
  document.addEventListener("htmx:afterSwap", (event) => { if (event.target.id === "checked") show(); });
  document.getElementById("checked").addEventListener("click", (event) => {
    const item = event.target.closest("[data-own]");
    if (!item) return;
    editor.gotoLine(Number(item.dataset.line), item.dataset.column - 1, true);
    editor.focus();
  });
  show();
  fetch(form.dataset.words).then((answer) => answer.json()).then((words) => {
    highlight(words);
    completions(words);
    // Not before: Ace would complete with whatever words stand in the text.
    editor.setOptions({ enableBasicAutocompletion: true, enableLiveAutocompletion: true });
    host.dataset.ready = "";
  });
})();
