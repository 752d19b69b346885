// The page that a link to another browser opens: the link's secret is what follows "#".
const input = document.getElementById("link");
if (location.hash) {
  input.value = location.hash.slice(1);
  input.closest("label").hidden = true;
  history.replaceState(null, "", location.pathname);
}
