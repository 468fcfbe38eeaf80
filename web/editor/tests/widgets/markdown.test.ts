import fc from "fast-check";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { Markdown } from "../../src/widgets/Markdown";

function html(source: string): string {
  return renderToStaticMarkup(createElement(Markdown, { source })).replace(/^<div class="w-markdown">|<\/div>$/g, "");
}

describe("a note", () => {
  it.each([
    ["# Top\ntext", '<h2 data-level="1">Top</h2><p>text</p>'],
    ["a **b** *c* ~~d~~ `e*`", "<p>a <strong>b</strong> <em>c</em> <del>d</del> <code>e*</code></p>"],
    ["snake_case_name 2 * 3 * 4", "<p>snake_case_name 2 * 3 * 4</p>"],
    ["one\ntwo  \nthree", "<p>one two<br/>three</p>"],
    ["- a\n- b\n  - c", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"],
    ["3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'],
    ["- [x] done", '<ul><li data-task=""><input type="checkbox" readOnly="" disabled="" checked=""/>done</li></ul>'],
    ["> a\n> b", "<blockquote><p>a b</p></blockquote>"],
    ["```py\n<b>\n```", "<pre><code>&lt;b&gt;</code></pre>"],
    ["---", "<hr/>"],
    [
      "|a|b|\n|-|-|\n|1|2|",
      '<div class="w-table"><table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table></div>',
    ],
    [
      "a | b\n:-: | -:\n1 \\| 2\n| **3** | 4 | 5 |",
      '<div class="w-table"><table><thead><tr><th data-align="center">a</th><th data-align="right">b</th></tr></thead><tbody><tr><td data-align="center">1 | 2</td><td data-align="right"></td></tr><tr><td data-align="center"><strong>3</strong></td><td data-align="right">4</td></tr></tbody></table></div>',
    ],
    ["\\*no\\*", "<p>*no*</p>"],
  ])("%j", (source, wanted) => {
    expect(html(source)).toBe(wanted);
  });

  it("links to pages only, and to another window", () => {
    expect(html("[x](https://a.org/b)")).toContain('href="https://a.org/b" target="_blank" rel="noopener');
    expect(html("see https://a.org.")).toMatch(/>https:\/\/a\.org<\/a>\.<\/p>$/);
    for (const bad of ["javascript:alert`1`", "data:text/html,x", "vbscript:x", "//a.org", " javascript:x"]) {
      expect(html(`[x](${bad})`)).not.toContain("<a");
    }
  });

  it("shows HTML as text", () => {
    expect(html("<script>x</script> <img src=x onerror=y>")).toBe(
      "<p>&lt;script&gt;x&lt;/script&gt; &lt;img src=x onerror=y&gt;</p>",
    );
  });

  it("reads anything, in good time", () => {
    const parts = fc.constantFrom(
      "*",
      "_",
      "`",
      "[",
      "](",
      ")",
      "> ",
      "- ",
      "\n",
      "  ",
      "a",
      "|",
      "#",
      "~~",
      "1. ",
      "\\",
    );
    fc.assert(fc.property(fc.array(parts, { maxLength: 120 }), (made) => void html(made.join(""))));
    const start = performance.now();
    for (const long of ["*a ", "[", "`", "> ", "**a", "| ", "- ", "_a_"]) html(long.repeat(5000));
    expect(performance.now() - start).toBeLessThan(3000);
  });
});
