// Light, dark, or as the system has it; the server puts it into the next page.

const SECONDS = 31_536_000;

export function createTheme() {
  for (const choice of document.querySelectorAll("[name=theme]"))
    choice.addEventListener("change", () => {
      const { value } = choice;
      if (value === "auto") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = value;
      const kept = value === "auto" ? "max-age=0" : `max-age=${SECONDS}`;
      document.cookie = `answerdesk_theme=${value}; path=/; ${kept}; samesite=lax`;
    });
}
