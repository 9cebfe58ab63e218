/* Pages that look again every few seconds rest while nobody looks, and while a question is open. */
document.addEventListener("htmx:beforeRequest", (event) => {
  const asks = document.querySelector(".jn-confirm[open]");
  const selects = String(window.getSelection() || "") !== "";
  if (event.target.id === "jn-page" && (document.hidden || asks || selects)) {
    event.preventDefault();
  }
});
