// SVG elements.
#include "svg.hpp"

#include "number_text.hpp"

namespace cordlesion::report {
namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
    case '<':
      out += "&lt;";
      break;
    case '&':
      out += "&amp;";
      break;
    case '"':
      out += "&quot;";
      break;
    default:
      out += c;
    }
  }
  return out;
}

std::string attribute(const char* name, const std::string& value) {
  return std::string(" ") + name + "=\"" + escaped(value) + "\"";
}

std::string attribute(const char* name, double value) {
  return attribute(name, fixed_text(value, 2));
}

} // namespace

Svg::Svg(double width, double height, const std::string& title)
    : body_("<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\"" + attribute("width", width) +
            attribute("height", height) +
            attribute("viewBox", "0 0 " + fixed_text(width, 0) + " " + fixed_text(height, 0)) +
            " font-family=\"Helvetica, Arial, sans-serif\">\n<title>" + escaped(title) +
            "</title>\n") {
  rect(0, 0, width, height, "#FFFFFF");
}

void Svg::line(double x1, double y1, double x2, double y2, const std::string& colour, double width,
               const std::string& dashes) {
  body_ += "<line" + attribute("x1", x1) + attribute("y1", y1) + attribute("x2", x2) +
           attribute("y2", y2) + attribute("stroke", colour) + attribute("stroke-width", width) +
           (dashes.empty() ? "" : attribute("stroke-dasharray", dashes)) + "/>\n";
}

void Svg::rect(double x, double y, double width, double height, const std::string& fill,
               const std::string& stroke) {
  body_ += "<rect" + attribute("x", x) + attribute("y", y) + attribute("width", width) +
           attribute("height", height) + attribute("fill", fill) + attribute("stroke", stroke) +
           "/>\n";
}

void Svg::circle(double x, double y, double radius, const std::string& fill,
                 const std::string& stroke, double opacity) {
  body_ += "<circle" + attribute("cx", x) + attribute("cy", y) + attribute("r", radius) +
           attribute("fill", fill) + attribute("stroke", stroke) + attribute("opacity", opacity) +
           "/>\n";
}

void Svg::polyline(const std::vector<std::pair<double, double>>& points, const std::string& colour,
                   double width) {
  std::string list;
  for (const auto& [x, y] : points) {
    list += fixed_text(x, 2) + "," + fixed_text(y, 2) + " ";
  }
  body_ += "<polyline" + attribute("points", list) + attribute("stroke", colour) +
           attribute("stroke-width", width) + " fill=\"none\" stroke-linejoin=\"round\"/>\n";
}

void Svg::text(double x, double y, const std::string& content, double size, Anchor anchor,
               const std::string& colour) {
  const char* anchor_name = anchor == Anchor::start    ? "start"
                            : anchor == Anchor::middle ? "middle"
                                                       : "end";
  body_ += "<text" + attribute("x", x) + attribute("y", y) + attribute("font-size", size) +
           attribute("text-anchor", anchor_name) + attribute("fill", colour) + ">" +
           escaped(content) + "</text>\n";
}

void Svg::text_upwards(double x, double y, const std::string& content, double size) {
  const std::string place = fixed_text(x, 2) + "," + fixed_text(y, 2);
  body_ += "<text" + attribute("transform", "translate(" + place + ") rotate(-90)") +
           attribute("font-size", size) + " text-anchor=\"middle\" fill=\"#222222\">" +
           escaped(content) + "</text>\n";
}

} // namespace cordlesion::report
