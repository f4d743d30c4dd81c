// The form counts along; it works without this file.
(function () {
  "use strict";
  var form = document.querySelector("form[data-report]");
  if (!form) { return; }
  function number(text) {
    var plain = text.replace(/[\uFF01-\uFF5E]/g, function (c) { return String.fromCharCode(c.charCodeAt(0) - 0xFEE0); }).replace(/,/g, "").trim();
    return /^\d+(\.\d+)?$/.test(plain) ? Number(plain) : null;
  }
  function share(box) {
    var inputs = box.querySelectorAll("input"), num = number(inputs[0].value), den = number(inputs[1].value);
    var text = "—";
    if (num !== null && den) {
      var percent = box.dataset.ratio === "%";
      text = String(Math.round(num / den * (percent ? 10000 : 100)) / 100) + (percent ? "%" : " " + box.dataset.ratio);
    }
    box.querySelector("output").textContent = text;
  }
  function answered(answer) {
    var na = answer.querySelector("input[name$='.na']");
    if (na && na.value.trim()) { return true; }
    var values = answer.querySelectorAll(".inputs input:not([type=hidden])");
    var open = [].filter.call(values, function (input) { return input.type === "text" && !input.value.trim(); });
    var ticked = [].some.call(values, function (input) { return input.checked && input.value; });
    return values[0].type === "text" ? !open.length : ticked;
  }
  function count(group) {
    var items = group.querySelectorAll("[data-item]"), done = 0;
    items.forEach(function (item) { if ([].every.call(item.querySelectorAll("[data-answer]"), answered)) { done += 1; } });
    var place = document.querySelector("[data-count='" + group.dataset.group + "']");
    if (!place) { return; }
    place.textContent = (done === items.length ? "✓ " : "") + done + "/" + items.length;
    place.parentNode.classList.toggle("full", done === items.length);
  }
  function follow(event) {
    var ratio = event.target.closest("[data-ratio]"), group = event.target.closest("[data-group]");
    if (ratio) { share(ratio); }
    if (group) { count(group); }
  }
  form.querySelectorAll("[data-ratio]").forEach(share);
  form.querySelectorAll("[data-group]").forEach(count);
  form.addEventListener("input", follow);
  form.addEventListener("change", follow);
  // A fault or a link inside a folded part opens it.
  function open() {
    var target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    var fold = target && target.closest("details");
    if (fold) { fold.open = true; }
  }
  window.addEventListener("hashchange", open);
  open();
})();
