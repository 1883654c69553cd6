// A small writer of SVG drawings.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cordlesion::report {

/// Lengths in pixels, y downwards.
class Svg {
 public:
  enum class Anchor { start, middle, end };

  /// A white page. `title` is what screen readers say.
  Svg(double width, double height, const std::string& title);

  void line(double x1, double y1, double x2, double y2, const std::string& colour, double width = 1,
            const std::string& dashes = "");
  void rect(double x, double y, double width, double height, const std::string& fill,
            const std::string& stroke = "none");
  void circle(double x, double y, double radius, const std::string& fill,
              const std::string& stroke = "none", double opacity = 1);
  void polyline(const std::vector<std::pair<double, double>>& points, const std::string& colour,
                double width);
  void text(double x, double y, const std::string& content, double size = 13,
            Anchor anchor = Anchor::start, const std::string& colour = "#222222");
  /// Reading upwards, centred on the point.
  void text_upwards(double x, double y, const std::string& content, double size = 13);

  /// The complete file.
  std::string str() const { return body_ + "</svg>\n"; }

 private:
  std::string body_;
};

/// Colours that also people with colour vision deficiency tell apart (Okabe and Ito).
inline constexpr const char* svg_blue = "#0072B2";
inline constexpr const char* svg_orange = "#D55E00";
inline constexpr const char* svg_green = "#009E73";
inline constexpr const char* svg_purple = "#CC79A7";
inline constexpr const char* svg_grey = "#999999";
inline constexpr const char* svg_light = "#DDDDDD";

} // namespace cordlesion::report
