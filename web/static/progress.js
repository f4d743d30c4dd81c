// The status page keeps its heartbeat and jobs fresh; reloading the page shows the same.
(function () {
  "use strict";
  var board = document.querySelector("[data-progress]");
  if (!board) { return; }
  function put(row, name, text) {
    var place = row && row.querySelector("[data-" + name + "]");
    if (place && text !== null && text !== undefined) { place.textContent = text; }
  }
  function ask() {
    if (document.hidden) { return; }
    fetch(board.dataset.progress, { headers: { Accept: "application/json" }, redirect: "error" }).then(function (answer) {
      return answer.ok ? answer.json() : null;
    }).then(function (found) {
      if (!found) { return; }
      put(board, "beat", found.beat);
      found.jobs.forEach(function (job) {
        var row = document.querySelector('[data-job="' + job.name + '"]');
        put(row, "finished", job.finished);
        put(row, "done", job.done);
      });
    }).catch(function () {});
  }
  window.setInterval(ask, 10000);
})();
