// a button on every block of code that copies what one types, without prompts and output
for (const block of document.querySelectorAll("pre")) {
  const typed = [...block.querySelectorAll(".typed")].map((line) => line.textContent).join("");
  const runs = /console|python|toml|csv|sh\b/.test(block.className);
  if (!typed || !runs || !navigator.clipboard) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(typed);
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  });
  const frame = document.createElement("div");
  frame.className = "code";
  block.replaceWith(frame);
  frame.append(block, button);
}
