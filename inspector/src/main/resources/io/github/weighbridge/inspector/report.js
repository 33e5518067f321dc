"use strict";
(() => {
  const byId = id => document.getElementById(id);

  // The list of tensors: filter and sort.
  const list = byId("list"), body = list.tBodies[0], filter = byId("filter"), count = byId("count");
  const rows = Array.from(body.rows, (row, order) => ({ row, order, text: row.textContent.toLowerCase() }));
  const column = name => Array.from(list.tHead.rows[0].cells).findIndex(cell => cell.textContent === name);
  let place = null;
  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, text } of rows) {
      const fits = words.every(word => text.includes(word))
        && (!place || row.cells[column("component")].textContent.trim() === place.component
          && (!place.layer || row.cells[column("layer")].textContent.trim() === place.layer));
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    count.textContent = shown.toLocaleString("en") + (shown === rows.length ? "" : " of " + rows.length.toLocaleString("en"))
      + (place ? " in " + place.component + (place.layer ? ", layer " + place.layer : "") : "");
  };
  filter.addEventListener("input", () => { place = null; show(); });
  const key = (row, index) => {
    const text = row.cells[index].textContent.trim();
    const number = text === "" ? -1 : Number(text.replaceAll(",", ""));
    return Number.isNaN(number) ? text : number;
  };
  list.tHead.addEventListener("click", event => {
    const cell = event.target.closest("th");
    if (!cell) {
      return;
    }
    const index = cell.cellIndex, descending = cell.ariaSort === "ascending";
    for (const other of cell.parentNode.cells) {
      other.ariaSort = "none";
    }
    cell.ariaSort = descending ? "descending" : "ascending";
    const sorted = rows.map(entry => ({ entry, value: key(entry.row, index) }));
    sorted.sort((a, b) => {
      const order = typeof a.value === "number" && typeof b.value === "number" ? a.value - b.value
        : String(a.value).localeCompare(String(b.value), "en", { numeric: true });
      return (descending ? -order : order) || a.entry.order - b.entry.order;
    });
    body.append(...sorted.map(({ entry }) => entry.row));
  });

  // The map: one stop of the tab key, arrows inside, Enter lists what a tile stands for.
  const map = byId("map"), tiles = Array.from(map.querySelectorAll(".tile"));
  const middle = tile => {
    const box = tile.querySelector("rect").getBBox();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };
  const focus = tile => {
    for (const other of tiles) {
      other.setAttribute("tabindex", other === tile ? "0" : "-1");
    }
    tile.focus();
  };
  const open = tile => {
    place = { component: tile.dataset.component, layer: tile.dataset.layer };
    filter.value = "";
    show();
    byId("tensors").scrollIntoView();
  };
  if (tiles.length > 0) {
    tiles[0].setAttribute("tabindex", "0");
  }
  map.addEventListener("click", event => {
    const tile = event.target.closest(".tile");
    if (tile) {
      open(tile);
    }
  });
  map.addEventListener("keydown", event => {
    const tile = event.target.closest(".tile");
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (tile && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      open(tile);
    } else if (tile && way) {
      event.preventDefault();
      const from = middle(tile);
      let best = null, least = Infinity;
      for (const other of tiles) {
        const to = middle(other), along = (to.x - from.x) * way[0] + (to.y - from.y) * way[1];
        const across = Math.abs((to.x - from.x) * way[1]) + Math.abs((to.y - from.y) * way[0]);
        if (other !== tile && along > 0.5 && along + 2 * across < least) {
          least = along + 2 * across;
          best = other;
        }
      }
      if (best) {
        focus(best);
      }
    }
  });

  // The plot: a line under the pointer, and what it cuts.
  const plot = byId("plot");
  if (plot) {
    const lines = Array.from(plot.querySelectorAll(".line"), line => ({
      type: line.dataset.type,
      points: line.dataset.values.split(" ").map(pair => pair.split(":").map(Number)),
      places: line.getAttribute("d").slice(1).split("L").map(point => Number(point.split(" ")[0])),
    }));
    const cursor = plot.querySelector(".cursor"), readout = byId("readout");
    const size = bytes => bytes >= 2 ** 30 ? (bytes / 2 ** 30).toFixed(2) + " GiB" : bytes >= 2 ** 20 ? (bytes / 2 ** 20).toFixed(2) + " MiB"
      : (bytes / 1024).toFixed(2) + " KiB";
    let at = lines[0].points.length - 1;
    const point = index => {
      at = Math.max(0, Math.min(lines[0].points.length - 1, index));
      cursor.removeAttribute("hidden");
      const x = lines[0].places[at];
      cursor.firstElementChild.setAttribute("x1", x);
      cursor.firstElementChild.setAttribute("x2", x);
      readout.textContent = lines[0].points[at][0].toLocaleString("en") + " tokens: "
        + lines.toReversed().map(line => line.type + " " + size(line.points[at][1])).join(", ");
    };
    plot.setAttribute("tabindex", "0");
    plot.addEventListener("pointermove", event => {
      const x = new DOMPoint(event.clientX, event.clientY).matrixTransform(plot.getScreenCTM().inverse()).x;
      let nearest = 0;
      lines[0].places.forEach((place, index) => {
        nearest = Math.abs(place - x) < Math.abs(lines[0].places[nearest] - x) ? index : nearest;
      });
      point(nearest);
    });
    plot.addEventListener("keydown", event => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) {
        event.preventDefault();
        point(at + step);
      }
    });
  }
  document.documentElement.dataset.ready = rows.length;
})();
